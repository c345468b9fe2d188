package web

import (
	"context"

	"github.com/roost-iot/roost"
)

// Net says by which Wi-Fi a thing came.
type Net struct {
	SSID   string   `json:"ssid" example:"garden"`
	Failed []string `json:"failed" nullable:"false" doc:"Those that it tried in vain, 8 at most."`
}

// shownNet gives null for a thing that did not tell.
func shownNet(a roost.Agent) maybe[Net] {
	if a.SSID == "" && len(a.NoSSIDs) == 0 {
		return maybe[Net]{}
	}
	return maybe[Net]{&Net{SSID: a.SSID, Failed: append([]string{}, a.NoSSIDs...)}}
}

// JoinedKey is a key that was asked for in the name of a thing that waits.
type JoinedKey struct {
	Key      string `json:"key" example:"1a2b3-c4d5e" doc:"What it is known by."`
	Address  string `json:"address" example:"192.0.2.7" doc:"Who asked; empty: not known."`
	Platform string `json:"platform" example:"esp32"`
	Machine  string `json:"machine" example:"ESP32 module with ESP32"`
	At       int64  `json:"at" example:"1764000000000" doc:"0: not known."`
}

func shownJoins(all []roost.Join) []JoinedKey {
	out := make([]JoinedKey, 0, len(all))
	for _, j := range all {
		out = append(out, JoinedKey{Key: j.Print, Address: j.Address, Platform: j.Platform, Machine: j.Machine, At: ms(j.At)})
	}
	return out
}

type approval struct {
	ThingPath
	Key string `query:"key" maxLength:"16" example:"1a2b3-c4d5e" doc:"Which key is let in, of those that were asked for in the name of a thing of Roost's own runtime; to be named when there are several."`
}

func (s *Server) approveThing(ctx context.Context, in *approval) (*thingAnswer, error) {
	ref := s.ref(in.ID)
	if s.Agents != nil {
		if err := s.Agents.Choose(ctx, ref, in.Key); err != nil {
			return nil, err
		}
	}
	if _, err := s.Switchboard.Approve(ctx, ref, callerOf(ctx).actor.Name); err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "thing.approve", in.ID, in.Key); err != nil {
		return nil, err
	}
	return s.getThing(ctx, &in.ThingPath)
}
