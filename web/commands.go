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
	Kind     string  `json:"kind" enum:"set,refresh,message,shell,restart,identify,factory-reset"`
	Resource string  `json:"resource" example:"led"`
	Value    anyJSON `json:"value" doc:"What the resource is to get, the message, or the shell line; null for a refresh."`
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
		Kind      string  `json:"kind,omitempty" enum:"set,refresh,message,shell,restart,identify,factory-reset" default:"set" doc:"set writes a value, refresh asks for all resources again. A PythingsOS device takes a message for its management task and a shell line of Python instead, a board that asks for its files a restart; a thing of Roost's own runtime takes all."`
		Resource  string  `json:"resource,omitempty" maxLength:"200" example:"led" doc:"Needed for a set."`
		Value     anyJSON `json:"value,omitempty" doc:"Needed for a set, a message and a shell line: any JSON; for a shell line, text."`
		ExpiresIn int64   `json:"expires_in,omitempty" minimum:"1" maximum:"2592000" example:"30" doc:"Seconds; if left out, 30 for a set or refresh, a day for what things come and ask for."`
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
	if err := takes(&t, roost.CommandKind(in.Body.Kind)); err != nil {
		return nil, err
	}
	q := command.Request{
		Ref: t.thing.Ref, Kind: roost.CommandKind(in.Body.Kind), Resource: in.Body.Resource, Value: roost.Value(in.Body.Value),
		By: callerOf(ctx).actor.Name, Expiry: time.Duration(in.Body.ExpiresIn) * time.Second,
	}
	switch q.Kind {
	case roost.Refresh, roost.Restart, roost.Identify, roost.FactoryReset:
		q.Resource, q.Value = "", ""
	}
	c, err := s.Commands.Submit(ctx, q)
	return &commandAnswer{shownCommand(c)}, err
}

// takes tells whether a thing can be asked for a command of a kind, and what to do
// instead.
func takes(t *thingBody, kind roost.CommandKind) error {
	if t.thing.Protocol == roost.Runtime {
		return nil
	}
	fetches, board := t.thing.Protocol == roost.PythingsOS, t.thing.Protocol == roost.BoardPlatform
	switch name := shownName(&t.thing, t.resources); {
	case board && kind != roost.Restart:
		return roost.Errorf(roost.Conflict, "%s is a board that asks for its files; it takes hotfixes and restarts.", name)
	case !board && kind == roost.Restart:
		return roost.Errorf(roost.Conflict, "%s speaks %s, by which it cannot be restarted.", name, t.thing.Protocol)
	case !board && (kind == roost.Identify || kind == roost.FactoryReset):
		return roost.Errorf(roost.Conflict, "%s speaks %s; only things of Roost's own runtime take this.", name, t.thing.Protocol)
	case board:
	case fetches && !kind.Fetched():
		return roost.Errorf(roost.Conflict, "A PythingsOS device takes messages and shell lines; send %s a message.", name)
	case !fetches && kind == roost.Shell:
		return roost.Errorf(roost.Conflict, "%s speaks %s and has no shell; write one of its resources instead.", name, t.thing.Protocol)
	case !fetches && kind == roost.Tell:
		return roost.Errorf(roost.Conflict, "%s speaks %s and takes no messages; write one of its resources instead.", name, t.thing.Protocol)
	}
	return nil
}

type commandList struct {
	Body struct {
		Commands []Command `json:"commands" nullable:"false"`
	} `nameHint:"Commands"`
}

// mostCommands bounds how far back a kind of command is looked for.
const mostCommands = 500

type commandsQuery struct {
	ThingPath
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Kind  string `query:"kind" enum:"set,refresh,message,shell,restart,identify,factory-reset" doc:"Only those of the newest 500 that are of this kind."`
}

func (s *Server) listCommands(ctx context.Context, in *commandsQuery) (*commandList, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	asked := in.Limit
	if in.Kind != "" {
		asked = mostCommands
	}
	commands, err := s.Commands.Of(ctx, t.thing.Ref, asked)
	if err != nil {
		return nil, err
	}
	out := &commandList{}
	out.Body.Commands = []Command{}
	for _, c := range commands {
		if in.Kind == "" || in.Kind == string(c.Kind) {
			out.Body.Commands = append(out.Body.Commands, shownCommand(c))
		}
	}
	out.Body.Commands = out.Body.Commands[:min(in.Limit, len(out.Body.Commands))]
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
