package desk

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/roost-iot/roost/wire/agent"
)

// sealed opens a frame, answers what is in it, and seals that.
func (s *Server) sealed(w http.ResponseWriter, r *http.Request, body []byte) {
	id, _, err := agent.Head(body)
	var plain []byte
	x, counter, ok := s.take(id, func(x *session) (uint32, bool) {
		var n uint32
		if err == nil {
			n, plain, err = x.OpenUp(r.URL.Path, body)
		}
		return n, err == nil
	})
	if !ok {
		if x != nil {
			x.thing.change(func() { x.thing.view.Refused++ })
		}
		refuse(w, http.StatusUnauthorized, agent.StateHello, "No session of this id: say hello again.")
		return
	}
	answer, err := x.thing.answer(r.Context(), r.URL.Path, plain)
	if err != nil {
		refuse(w, http.StatusBadRequest, agent.StateRequest, err.Error())
		return
	}
	b, err := json.Marshal(answer)
	if err != nil {
		refuse(w, http.StatusInternalServerError, agent.StateLater, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	write(w, http.StatusOK, x.SealDown(r.URL.Path, counter, b))
}

func (t *Thing) answer(ctx context.Context, path string, plain []byte) (any, error) {
	if path == agent.PathRegister {
		return t.register(plain)
	}
	return t.sync(ctx, plain)
}

func (t *Thing) register(plain []byte) (agent.RegisterAnswer, error) {
	r, err := agent.ParseRegister(plain)
	if err != nil {
		return agent.RegisterAnswer{}, err
	}
	a := agent.RegisterAnswer{Now: t.server.config.Now().UnixMilli(), Name: t.ID}
	t.change(func() {
		if r.Boot != t.view.Register.Boot {
			t.view.Boots++
		}
		t.view.Register, t.view.Slots = r, r.Slots
		if r.Crash != nil {
			t.view.Crashes = keepLast(t.view.Crashes, *r.Crash, mostSaid)
			t.told(Told{Crash: r.Crash})
		}
		for _, c := range t.commands { // those of an earlier boot are over
			if slices.Contains(r.Done, c.ID) {
				t.end(c, agent.Ack{ID: c.ID, OK: true})
			} else if c.boot != "" && c.boot != r.Boot {
				t.end(c, agent.Ack{ID: c.ID, Body: `"The thing has restarted."`})
			}
		}
		a.Settings = t.settings
		t.told(Told{Register: &r})
	})
	return a, nil
}

// end finishes a command; mu is held.
func (t *Thing) end(c *command, ack agent.Ack) {
	c.ack = ack
	close(c.done)
	t.commands = slices.DeleteFunc(slices.Clone(t.commands), func(x *command) bool { return x == c })
}

// sync takes what came up and waits until there is something to answer.
func (t *Thing) sync(ctx context.Context, plain []byte) (agent.Answer, error) {
	q, err := agent.ParseSync(plain)
	if err != nil {
		return agent.Answer{}, err
	}
	t.change(func() { t.takeIn(q) })
	end := t.server.real().Add(time.Duration(q.Wait) * time.Second)
	for {
		t.mu.Lock()
		a, something := t.waiting(q)
		changed := t.changed
		t.mu.Unlock()
		left := end.Sub(t.server.real())
		if something || left <= 0 || ctx.Err() != nil {
			return a, nil
		}
		wait(ctx, t.server.config.Clock, left, changed)
	}
}

// takeIn is called with mu held.
func (t *Thing) takeIn(q agent.Sync) {
	v := &t.view
	v.Syncs++
	v.Sync = q
	if q.Slots != nil {
		v.Slots = *q.Slots
	}
	for i := range q.Queue {
		t.takeEntry(q.Queue[i], i < q.Again)
	}
	for part, st := range q.Status {
		v.Parts[part] = st.OK
	}
	for _, ack := range q.Acks {
		v.Acks = keepLast(v.Acks, ack, mostSaid)
		if i := slices.IndexFunc(t.commands, func(c *command) bool { return c.ID == ack.ID }); i >= 0 {
			t.end(t.commands[i], ack)
		}
	}
	if p := q.Update; p != nil && (len(v.Progress) == 0 || v.Progress[len(v.Progress)-1] != *p) {
		v.Progress = keepLast(v.Progress, *p, mostSaid)
		t.told(Told{Progress: p})
	}
	t.told(Told{Sync: &q})
}

func (t *Thing) takeEntry(e agent.Entry, again bool) {
	v := &t.view
	t.upto = max(t.upto, e.At)
	if t.times[e.At] {
		if !again {
			v.Doubled++
		}
		return
	}
	t.times[e.At] = true
	v.Entries = append(v.Entries, e)
	if len(v.Entries) > mostEntries {
		delete(t.times, v.Entries[0].At)
		v.Entries = v.Entries[1:]
	}
	if e.Kind == agent.EntryValues {
		pairs, _ := e.Values()
		for _, p := range pairs {
			if _, known := v.Values[p.Name]; known || len(v.Values) < mostValues {
				v.Values[p.Name] = p.Value
			}
		}
	}
	t.told(Told{Entry: &e})
}

// waiting is what there is for the thing, and whether it is to be told at once; mu is held.
func (t *Thing) waiting(q agent.Sync) (a agent.Answer, something bool) {
	a.Now = t.server.config.Now().UnixMilli()
	if len(q.Queue) > 0 {
		a.Upto, something = t.upto, true
	}
	if t.settings != nil && t.settings.Tag != q.Set {
		a.Settings, something = t.settings, true
	}
	for _, c := range t.commands {
		if slices.Contains(q.Have, c.ID) || c.boot != "" && c.boot != q.Boot {
			continue
		}
		c.boot = q.Boot
		a.Commands = append(a.Commands, c.Command)
		something = true
	}
	a.Update = t.offered(q)
	something = something || a.Update != nil
	if len(q.Acks) > 0 || q.Update != nil {
		something = true
	}
	return a, something
}
