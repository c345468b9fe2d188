package web

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/telemetry"
)

// WorkerMessage is what the worker task of a thing sent.
type WorkerMessage struct {
	ID    int64   `json:"id" example:"42"`
	At    int64   `json:"at" example:"1764000000000"`
	Value anyJSON `json:"value" doc:"As the thing sent it: any JSON."`
}

type messagesQuery struct {
	ThingPath
	From   int64 `query:"from" minimum:"0" maximum:"253402300799999" example:"1764000000000" doc:"Unix ms; from the first if left out."`
	To     int64 `query:"to" minimum:"0" maximum:"253402300799999" example:"1764003600000" doc:"Unix ms; up to the last if left out."`
	Before int64 `query:"before" minimum:"0" doc:"The id of a message: those that are older."`
	Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type messageList struct {
	Body struct {
		Messages []WorkerMessage `json:"messages" nullable:"false"`
	} `nameHint:"Messages"`
}

func (s *Server) listMessages(ctx context.Context, in *messagesQuery) (*messageList, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := s.Telemetry.Messages(ctx, t.thing.Ref, telemetry.MessageQuery{
		From: timeOf(in.From), To: timeOf(in.To), Before: in.Before, Limit: in.Limit,
	})
	out := &messageList{}
	out.Body.Messages = make([]WorkerMessage, len(all))
	for i, m := range all {
		out.Body.Messages[i] = WorkerMessage{ID: m.ID, At: ms(m.At), Value: anyJSON(m.Data)}
	}
	return out, err
}

// timeOf is a time as the API was told it, zero for 0.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// LogLine is one line of what happened with a thing.
type LogLine struct {
	ID     int64  `json:"id" example:"42"`
	At     int64  `json:"at" example:"1764000000000"`
	Level  string `json:"level" enum:"info,warn,error"`
	Text   string `json:"text" example:"fetched worker_task.py of 1764000000"`
	Detail string `json:"detail" doc:"A traceback; empty if there is none."`
}

type logQuery struct {
	ThingPath
	Before int64 `query:"before" minimum:"0" doc:"The id of a line: those that are older."`
	Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type logList struct {
	Body struct {
		Log []LogLine `json:"log" nullable:"false"`
	} `nameHint:"Log"`
}

func (s *Server) listLog(ctx context.Context, in *logQuery) (*logList, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := s.Telemetry.LogOf(ctx, t.thing.Ref, in.Before, in.Limit)
	out := &logList{}
	out.Body.Log = make([]LogLine, len(all))
	for i, l := range all {
		out.Body.Log[i] = LogLine{ID: l.ID, At: ms(l.At), Level: l.Level, Text: l.Text, Detail: l.Detail}
	}
	return out, err
}

type sessionsQuery struct {
	ThingPath
	Before int64 `query:"before" minimum:"0" maximum:"253402300799999" doc:"Unix ms: sessions that began before."`
	Limit  int   `query:"limit" minimum:"1" maximum:"50" default:"20"`
}

type runList struct {
	Body struct {
		Sessions []Run `json:"sessions" nullable:"false"`
	} `nameHint:"Runs"`
}

func (s *Server) listRuns(ctx context.Context, in *sessionsQuery) (*runList, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	runs, err := s.Releases.Runs(ctx, t.thing.Ref, timeOf(in.Before), in.Limit)
	out := &runList{}
	out.Body.Sessions = make([]Run, len(runs))
	for i, r := range runs {
		out.Body.Sessions[i] = shownRun(r)
	}
	return out, err
}

type appMessage struct {
	AppPath
	Body struct {
		Value     anyJSON `json:"value" doc:"Any JSON that Python does not take for false."`
		Pool      string  `json:"pool,omitempty" maxLength:"36" example:"development" doc:"Things of this pool; of all if left out."`
		ExpiresIn int64   `json:"expires_in,omitempty" minimum:"1" maximum:"2592000" example:"3600" doc:"Seconds; a day if left out."`
	} `contentType:"application/json" nameHint:"AppMessage"`
}

type sentAnswer struct {
	Body struct {
		Sent    int    `json:"sent" example:"3" doc:"Things for which the message waits now."`
		Refused int    `json:"refused" doc:"Things for which it cannot."`
		Why     string `json:"why" doc:"Why it cannot for the first of them; empty if there is none."`
	} `nameHint:"Sent"`
}

// tellApp queues a message for every thing of an app. When it can be queued for none,
// the first reason is the answer.
func (s *Server) tellApp(ctx context.Context, in *appMessage) (*sentAnswer, error) {
	if _, err := s.Releases.App(s.project, in.id()); err != nil {
		return nil, err
	}
	if in.Body.Pool != "" {
		if _, err := s.pool(in.id(), in.Body.Pool); err != nil {
			return nil, err
		}
	}
	q := command.Request{
		Kind: roost.Tell, Value: roost.Value(in.Body.Value), By: callerOf(ctx).actor.Name,
		Expiry: time.Duration(in.Body.ExpiresIn) * time.Second,
	}
	out, first := &sentAnswer{}, error(nil)
	for _, ref := range s.thingsOf(in.id(), in.Body.Pool) {
		q.Ref = ref
		switch _, err := s.Commands.Submit(ctx, q); {
		case err == nil:
			out.Body.Sent++
		case roost.KindOf(err) == roost.Invalid || roost.KindOf(err) == roost.TooLarge:
			return nil, err // it is the same for all
		default:
			out.Body.Refused++
			if first == nil {
				first, out.Body.Why = err, roost.Message(err)
			}
		}
	}
	if out.Body.Sent == 0 && first != nil {
		return nil, first
	}
	return out, s.audit(ctx, "app.message", in.App, in.Body.Pool)
}

// thingsOf gives the enrolled things of an app, or of one of its pools.
func (s *Server) thingsOf(app roost.AppID, pool string) (refs []roost.Ref) {
	for _, sw := range s.Releases.AllSoftware(s.project) {
		if sw.App != app || pool != "" && sw.Pool != pool {
			continue
		}
		if t, _, ok := s.Registry.Get(sw.Ref); ok && t.Enrolment == roost.Enrolled {
			refs = append(refs, sw.Ref)
		}
	}
	return refs
}
