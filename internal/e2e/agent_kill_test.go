package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// agentThing is a thing of the runtime whose server dies now and then.
type agentThing struct {
	t      *testing.T
	s      *server
	client *desk.Client
	boot   string
	queue  []wire.Entry
	sent   int // entries at the head of queue that were sent before
	set    string
	have   []string
	acks   []wire.Ack
	done   map[string]int // how often each command was done
	n      int64          // of the last envelope
}

// sync sends what there is, as a board does; false: it did not come through.
func (a *agentThing) sync() bool {
	again := a.sent
	a.sent = len(a.queue)
	x, err := a.client.Sync(a.t.Context(), wire.Sync{Boot: a.boot, Queue: a.queue, Again: again, Set: a.set, Have: a.have, Acks: a.acks, OS: "1.0.0", App: "0"})
	var refused *desk.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		_ = a.client.Hello(a.t.Context()) // the next one tells
		return false
	}
	if err != nil {
		return false
	}
	a.acks = nil
	a.queue = slices.DeleteFunc(a.queue, func(e wire.Entry) bool { return e.At <= x.Upto })
	a.sent = min(a.sent, len(a.queue))
	if x.Settings != nil {
		a.set = x.Settings.Tag
	}
	for _, c := range x.Commands {
		if !slices.Contains(a.have, c.ID) {
			a.have = append(a.have, c.ID)
			a.acks = append(a.acks, wire.Ack{ID: c.ID, OK: true, Body: c.Body})
			a.done[string(c.Body)]++
		}
	}
	if x.Update != nil {
		e, err := wire.ParseEnvelope(x.Update.E)
		if err != nil || e.N < a.n {
			a.t.Errorf("envelope %d after %d (%v)", e.N, a.n, err)
		}
		a.n = e.N
	}
	return true
}

// restart kills the server and starts it on the same data.
func (a *agentThing) restart() {
	a.s.kill()
	a.s = start(a.t, a.s.data, "--durability", "commit")
	a.client.URL = "http://" + a.s.http
}

func TestRuntimeThingLosesAndDoublesNothingWhenRoostIsKilled(t *testing.T) {
	a := &agentThing{t: t, s: start(t, filepath.Join(t.TempDir(), "data"), "--durability", "commit"), boot: "00000001", done: map[string]int{}}
	app := a.s.newApp("Lasting", map[string]string{"app.py": "async def run():\n    pass\n"})
	var made struct{ ID, Key string }
	a.s.call("POST", "/boards", map[string]any{"name": "North", "app": app.ID}, &made)
	key, err := wire.ParseKey(made.Key)
	if err != nil {
		t.Fatal(err)
	}
	a.client = &desk.Client{URL: "http://" + a.s.http, ID: made.ID, Key: key}
	_, err = a.client.Register(t.Context(), wire.Register{Boot: a.boot, MAC: "28cdc1010203", Platform: "esp32", Profile: "full", MPY: 6, OS: "1.0.0", App: "0"})
	if err != nil {
		t.Fatal(err)
	}
	var wants []string
	now := time.Now().UnixMilli()
	for i := range int64(6) {
		body := fmt.Sprintf(`{"n":%d}`, i)
		wants = append(wants, body)
		a.queue = append(a.queue, wire.Entry{At: now + i, Kind: wire.EntryMessage, Body: roost.Value(body)})
		a.s.call("POST", "/things/"+made.ID+"/commands", map[string]any{"kind": "message", "value": i + 1}, nil)
		if i%2 == 0 {
			a.sync() // it may or may not be answered before the end
			a.restart()
		}
		eventually(t, "a sync comes through", a.sync)
	}
	eventually(t, "all is told, done and offered", func() bool { return a.sync() && len(a.queue) == 0 && len(a.done) == 6 && len(a.acks) == 0 && a.n > 0 })
	a.restart()
	var kept struct {
		Messages []struct{ Data any }
	}
	a.s.call("GET", "/things/"+made.ID+"/messages?limit=100", nil, &kept)
	if len(kept.Messages) != len(wants) {
		t.Errorf("%d messages of %d: %v", len(kept.Messages), len(wants), kept)
	}
	for body, n := range a.done {
		if n != 1 {
			t.Errorf("command %s was done %d times", body, n)
		}
	}
}
