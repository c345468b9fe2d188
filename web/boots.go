package web

import (
	"context"

	"github.com/roost-iot/roost"
)

// Boot is a start of a thing of Roost's own runtime.
type Boot struct {
	Boot       string `json:"boot" example:"0badcafe" doc:"The thing's own name for it."`
	At         int64  `json:"at" example:"1764000000000" doc:"When it was heard of first."`
	ResetCause string `json:"resetCause" example:"power on" doc:"power on, planned, watchdog, crash, brown-out, unknown; empty: it did not tell."`
	Why        string `json:"why" example:"update" doc:"Its own word on a planned restart."`
	Runtime    string `json:"runtime" example:"1.0.0" doc:"The version that ran when it told last."`
	App        string `json:"app" example:"1764000000" doc:"The same of its app; 0: none."`
	Before     int64  `json:"before" example:"86400000" doc:"Milliseconds that it had run before, as far as it was heard; 0: not known."`
}

type bootList struct {
	Body struct {
		Boots []Boot `json:"boots" nullable:"false"`
	} `nameHint:"Boots"`
}

func (s *Server) listBoots(ctx context.Context, in *ThingPath) (*bootList, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	var all []roost.Boot
	ok := false
	if s.Agents != nil {
		if all, ok, err = s.Agents.Boots(ctx, t.thing.Ref); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, roost.Errorf(roost.NotFound, "%s does not run Roost's own runtime.", shownName(&t.thing, t.resources))
	}
	out := &bootList{}
	out.Body.Boots = make([]Boot, 0, len(all))
	for _, b := range all {
		out.Body.Boots = append(out.Body.Boots, Boot{
			Boot: b.Name, At: ms(b.At), ResetCause: b.Reset, Why: b.Why, Runtime: b.OS, App: b.App, Before: b.Before.Milliseconds(),
		})
	}
	return out, nil
}
