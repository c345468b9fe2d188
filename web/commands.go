package web

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
)

// Command is what was asked of a thing, and what came of it.
type Command struct {
	ID       string  `json:"id" example:"9f3k1m2n4p5q6r7s"`
	Thing    string  `json:"thing" example:"greenhouse-north"`
	Kind     string  `json:"kind" enum:"set,refresh"`
	Resource string  `json:"resource" example:"led"`
	Value    anyJSON `json:"value" doc:"What the resource is to get; null for a refresh."`
	State    string  `json:"state" enum:"queued,sent,done,failed,expired,cancelled"`
	Error    string  `json:"error" doc:"Why it failed, for people."`
	Result   anyJSON `json:"result" doc:"What the thing itself answered; null if nothing."`
	By       string  `json:"by" example:"ada" doc:"Who asked."`
	Created  int64   `json:"created" example:"1764000000000"`
	Sent     int64   `json:"sent" doc:"0: not yet."`
	Ended    int64   `json:"ended" doc:"0: not yet."`
	Expires  int64   `json:"expires" example:"1764000030000"`
}

func shownCommand(c roost.Command) Command {
	return Command{
		ID: c.ID, Thing: string(c.Ref.Thing), Kind: string(c.Kind), Resource: c.Resource, Value: anyJSON(c.Value),
		State: string(c.State), Error: c.Error, Result: anyJSON(c.Result), By: c.By,
		Created: ms(c.Created), Sent: ms(c.Sent), Ended: ms(c.Ended), Expires: ms(c.Expires),
	}
}

type commandAnswer struct{ Body Command }

type commandPath struct {
	ID string `path:"id" maxLength:"64" example:"9f3k1m2n4p5q6r7s" doc:"The id of the command."`
}

type newCommand struct {
	ThingPath
	Body struct {
		Kind      string  `json:"kind,omitempty" enum:"set,refresh" default:"set" doc:"set writes a value, refresh asks for all resources again."`
		Resource  string  `json:"resource,omitempty" maxLength:"200" example:"led" doc:"Needed for a set."`
		Value     anyJSON `json:"value,omitempty" doc:"Needed for a set: any JSON."`
		ExpiresIn int64   `json:"expires_in,omitempty" minimum:"1" maximum:"2592000" example:"30" doc:"Seconds; 30 if left out."`
	} `contentType:"application/json" nameHint:"NewCommand"`
}

func (s *Server) sendCommand(ctx context.Context, in *newCommand) (*commandAnswer, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	if t.thing.Enrolment != roost.Enrolled {
		return nil, roost.Errorf(roost.Conflict, "%s is not approved; nothing is sent to it before.", shownName(&t.thing, nil))
	}
	q := command.Request{
		Ref: t.thing.Ref, Kind: roost.CommandKind(in.Body.Kind), Resource: in.Body.Resource, Value: roost.Value(in.Body.Value),
		By: callerOf(ctx).actor.Name, Expiry: time.Duration(in.Body.ExpiresIn) * time.Second,
	}
	if q.Kind == roost.Refresh {
		q.Resource, q.Value = "", ""
	}
	c, err := s.Commands.Submit(ctx, q)
	return &commandAnswer{shownCommand(c)}, err
}

type commandList struct {
	Body struct {
		Commands []Command `json:"commands" nullable:"false"`
	} `nameHint:"Commands"`
}

type commandsQuery struct {
	ThingPath
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

func (s *Server) listCommands(ctx context.Context, in *commandsQuery) (*commandList, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	commands, err := s.Commands.Of(ctx, t.thing.Ref, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &commandList{}
	out.Body.Commands = make([]Command, len(commands))
	for i, c := range commands {
		out.Body.Commands[i] = shownCommand(c)
	}
	return out, nil
}

func (s *Server) getCommand(ctx context.Context, in *commandPath) (*commandAnswer, error) {
	c, err := s.Commands.Find(ctx, s.project, in.ID)
	return &commandAnswer{shownCommand(c)}, err
}

func (s *Server) cancelCommand(ctx context.Context, in *commandPath) (*commandAnswer, error) {
	c, err := s.Commands.Cancel(ctx, s.project, in.ID)
	if err != nil {
		return nil, err
	}
	return &commandAnswer{shownCommand(c)}, s.audit(ctx, "command.cancel", c.ID, string(c.Ref.Thing)+" "+c.Resource)
}
