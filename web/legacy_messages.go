package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/telemetry"
)

// tidDoor is the door by which devices come whose own id is a TID.
const tidDoor = "pythings"

// legacyThing finds the enrolled PythingsOS device that a program calls tid, in the
// projects where the caller has a right; or the thing of that id in ours.
func (s *Server) legacyThing(actor account.Actor, right account.Right, tid string) (roost.Thing, error) {
	own := roost.Identity{Door: tidDoor, Own: tid}
	projects := s.legacyProjects(actor, right)
	for _, p := range projects { // its id is usually its TID
		if t, _, ok := s.Registry.Get(roost.Ref{Project: p, Thing: roost.CleanThingID(tid)}); ok && t.Identity == own && t.Enrolment == roost.Enrolled {
			return t, nil
		}
	}
	var found *roost.Thing
	for _, p := range projects {
		s.Registry.Each(p, func(t roost.Thing, _ []roost.Resource) bool {
			if t.Identity == own && t.Enrolment == roost.Enrolled {
				found = &t
			}
			return found == nil
		})
		if found != nil {
			return *found, nil
		}
	}
	for _, p := range projects {
		if t, _, ok := s.Registry.Get(roost.Ref{Project: p, Thing: roost.ThingID(tid)}); ok && t.Enrolment == roost.Enrolled {
			return t, nil
		}
	}
	return roost.Thing{}, refusal(http.StatusBadRequest, noLegacyThing)
}

// legacyWorkerMessages answers with what the worker task of a thing sent from one time
// to another, both included, oldest first.
func (s *Server) legacyWorkerMessages(w http.ResponseWriter, r *http.Request, actor account.Actor, f legacyFields) error {
	from, ok := legacyTime(f.text("from"))
	if !ok {
		return refusal(http.StatusBadRequest, "No from set")
	}
	to, ok := legacyTime(f.text("to"))
	if !ok {
		return refusal(http.StatusBadRequest, "No to set")
	}
	tid := f.text("tid")
	if tid == "" {
		return refusal(http.StatusBadRequest, "Got empty tid")
	}
	thing, err := s.legacyThing(actor, account.View, tid)
	if err != nil {
		return err
	}
	return s.writeMessages(w, r, thing.Ref, telemetry.MessageQuery{From: from, To: to, Oldest: true})
}

// writeMessages writes an array, a page of the store at a time: a thing may have
// 100,000 messages. An answer that cannot be ended is cut off.
func (s *Server) writeMessages(w http.ResponseWriter, r *http.Request, ref roost.Ref, q telemetry.MessageQuery) error {
	b, begun := []byte{'['}, false
	for {
		page, err := s.Telemetry.Messages(r.Context(), ref, q)
		if err != nil && begun {
			s.log.Warn("answer not ended", "thing", ref.Thing, "err", err)
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			b = appendLegacyMessage(b, &page[i], begun || i > 0)
		}
		if !begun {
			w.Header().Set("Content-Type", "application/json")
			begun = true
		}
		if _, err := w.Write(b); err != nil {
			panic(http.ErrAbortHandler) // the caller is gone
		}
		last := page[len(page)-1]
		b, q.From, q.After = b[:0], last.At, last.ID
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, ']'))
	return nil
}

func appendLegacyMessage(b []byte, m *roost.WorkerMessage, more bool) []byte {
	if more {
		b = append(b, ',')
	}
	b = append(b, `{"ts":`...)
	b = appendLegacyTime(b, m.At)
	b = append(b, `,"data":`...)
	compact := bytes.NewBuffer(b)
	if json.Compact(compact, []byte(m.Data)) != nil { // it was checked when it came in
		return append(b, "null}"...)
	}
	return append(compact.Bytes(), '}')
}

// legacyExpiry is how long a message waits for its device, the longest there is:
// Pythings kept them for ever.
const legacyExpiry = 30 * 24 * time.Hour

// legacySend queues a message for the management task of a thing.
func (s *Server) legacySend(w http.ResponseWriter, r *http.Request, actor account.Actor, f legacyFields) error {
	tid, msg := f.text("tid"), f.value("msg")
	if tid == "" {
		return refusal(http.StatusBadRequest, `Got empty "tid"`)
	}
	if command.Empty(msg) {
		return refusal(http.StatusBadRequest, `Got empty "msg"`)
	}
	thing, err := s.legacyThing(actor, account.Operate, tid)
	if err != nil {
		return err
	}
	if thing.Protocol != roost.PythingsOS {
		return refusal(http.StatusBadRequest, noLegacyThing)
	}
	c, err := s.Commands.Submit(r.Context(), command.Request{
		Ref: thing.Ref, Kind: roost.Tell, Value: msg, By: actor.Name, Expiry: legacyExpiry,
	})
	if err != nil {
		return err
	}
	writeLegacy(w, http.StatusOK, struct {
		MID string `json:"mid"`
	}{c.ID})
	return nil
}

// legacyMessage tells what became of a message.
func (s *Server) legacyMessage(w http.ResponseWriter, r *http.Request, actor account.Actor, f legacyFields) error {
	mid := f.text("mid")
	if mid == "" {
		return refusal(http.StatusBadRequest, "Got empty mid")
	}
	for _, p := range s.legacyProjects(actor, account.View) {
		c, err := s.Commands.Find(r.Context(), p, mid)
		if roost.KindOf(err) == roost.NotFound && err != nil || err == nil && !c.Kind.Fetched() {
			continue
		}
		if err != nil {
			return err
		}
		writeLegacy(w, http.StatusOK, legacyState(c))
		return nil
	}
	return refusal(http.StatusBadRequest, noLegacyMessage)
}

// legacyAnswer is a message's state and reply.
type legacyAnswer struct {
	Status string      `json:"status"`
	Reply  roost.Value `json:"reply"`
}

// legacyState says a state in Pythings' three words. One that ended without an answer
// stays what it was before; that the task failed over it is an answer, of null.
func legacyState(c roost.Command) legacyAnswer {
	switch {
	case c.State == roost.Done, c.State == roost.Failed && c.Result != "":
		return legacyAnswer{"Received", c.Result}
	case c.State != roost.Queued && !c.Sent.IsZero():
		return legacyAnswer{Status: "Delivered"}
	}
	return legacyAnswer{Status: "Queued"}
}
