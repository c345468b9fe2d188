package web

import (
	"context"

	"github.com/roost-iot/roost"
)

type simulatedRequest struct {
	Body struct {
		Kind string `json:"kind" enum:"coap,ws,mqtt,mqttsn"`
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
	id, err := s.Simulator.Start(ctx, in.Body.Kind)
	if err != nil {
		return nil, err
	}
	out := &simulatedAnswer{}
	out.Body.ID = id
	return out, s.audit(ctx, "simulated.start", id, in.Body.Kind)
}
