package web

import (
	"context"

	"github.com/roost-iot/roost"
)

type simulatedRequest struct {
	Body struct {
		Kind string `json:"kind" enum:"coap,ws,mqtt,mqttsn,pythings,board,micropython"`
		App  string `json:"app,omitempty" maxLength:"64" doc:"Of kind pythings: the app whose id it brings; without one, your account id. Of kind board: the kind of board that it is; without one, a rain gauge. Of kind micropython, a virtual board with Roost's own runtime: the app that it runs; without one, a window sill with a thermometer and lights."`
	} `contentType:"application/json" nameHint:"NewSimulated"`
}

type simulatedAnswer struct {
	Body struct {
		ID string `json:"id" example:"sim-coap-1" doc:"The id of the thing that will appear."`
	} `nameHint:"Simulated"`
}

func (s *Server) startSimulated(ctx context.Context, in *simulatedRequest) (*simulatedAnswer, error) {
	if s.Simulator == nil {
		return nil, roost.Errorf(roost.NotFound, "This server has no simulator; start `roost demo` or `roost sim` instead.")
	}
	brings, err := s.brought(ctx, in.Body.Kind, in.Body.App)
	if err != nil {
		return nil, err
	}
	id, err := s.Simulator.Start(ctx, in.Body.Kind, brings)
	if err != nil {
		return nil, err
	}
	out := &simulatedAnswer{}
	out.Body.ID = id
	return out, s.audit(ctx, "simulated.start", id, in.Body.Kind)
}

// brought is the id that a simulated PythingsOS device has been given: that of the app
// asked for, or the asker's account.
func (s *Server) brought(ctx context.Context, kind, app string) (string, error) {
	if kind == "board" {
		if _, ok := s.kindOf(app); app != "" && !ok {
			return "", roost.Errorf(roost.NotFound, "There is no kind of board %q here.", app)
		}
		return app, nil
	}
	if kind != "pythings" && (kind != "micropython" || app == "") {
		return "", nil
	}
	if app != "" {
		if s.Releases == nil {
			return "", roost.Errorf(roost.NotFound, "This server has no apps.")
		}
		a, err := s.Releases.App(s.project, roost.AppID(app))
		return string(a.ID), err
	}
	me, err := s.Accounts.Self(ctx, callerOf(ctx).actor)
	if err != nil {
		return "", roost.Errorf(roost.Invalid, "Say which app the device shall bring the id of: a token has no account.")
	}
	return me.Account, nil
}

// kindOf gives the app of a kind of board.
func (s *Server) kindOf(kind string) (roost.App, bool) {
	if s.Releases == nil {
		return roost.App{}, false
	}
	return s.Releases.BoardApp(s.project, kind)
}
