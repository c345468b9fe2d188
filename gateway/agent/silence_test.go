package agent_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/telemetry"
	wire "github.com/roost-iot/roost/wire/agent"
)

// rhythm is how a thing comes: it does one round, and knows when it died.
type rhythm struct {
	round   func(h *house, c, second *desk.Client, n int)
	battery int              // seconds of the pool's management interval; 0: no battery
	settles time.Duration    // in which it may be taken for gone
	dies    [2]time.Duration // bounds of when it is missed
}

// longPoll is a sync that waits.
func longPoll(h *house, c *desk.Client, q ...wire.Entry) {
	wait := 25
	if len(q) > 0 {
		wait = 0
	}
	h.sync(c, wire.Sync{Set: tagOf(h, c), Wait: wait, Queue: q})
}

func tagOf(h *house, c *desk.Client) string {
	if a := h.sync(c, wire.Sync{}); a.Settings != nil {
		return a.Settings.Tag
	}
	return ""
}

func TestPresenceFollowsTheRhythmOfAThing(t *testing.T) {
	for name, r := range map[string]rhythm{
		"long polls": {dies: [2]time.Duration{26 * time.Second, 70 * time.Second}, round: func(h *house, c, second *desk.Client, n int) {
			longPoll(h, c)
		}},
		"values beside long polls": {dies: [2]time.Duration{20 * time.Second, 70 * time.Second}, round: func(h *house, c, second *desk.Client, n int) {
			over := make(chan struct{})
			go func() { defer close(over); longPoll(h, c) }()
			time.Sleep(time.Second)
			h.sync(second, wire.Sync{Queue: []wire.Entry{{At: time.Now().UnixMilli(), Kind: wire.EntryValues, Body: `{"t":1}`}}})
			<-over
		}},
		"asleep between boots": {battery: 600, dies: [2]time.Duration{600 * time.Second, 1600 * time.Second}, round: func(h *house, c, second *desk.Client, n int) {
			boot := fmt.Sprintf("%08x", n+2)
			h.register(c, said(boot))
			h.sync(c, wire.Sync{Boot: boot})
			time.Sleep(600 * time.Second)
		}},
		"asleep for long": {battery: 8 * 3600, dies: [2]time.Duration{8 * time.Hour, 11 * time.Hour}, round: func(h *house, c, second *desk.Client, n int) {
			h.sync(c, wire.Sync{})
			time.Sleep(8 * time.Hour)
		}},
		"an interval of its own": {settles: 500 * time.Second, dies: [2]time.Duration{150 * time.Second, 400 * time.Second}, round: func(h *house, c, second *desk.Client, n int) {
			h.sync(c, wire.Sync{})
			time.Sleep(150 * time.Second)
		}},
		"after an outage": {settles: 61 * time.Minute, dies: [2]time.Duration{26 * time.Second, 70 * time.Second}, round: func(h *house, c, second *desk.Client, n int) {
			if n == 1 {
				time.Sleep(time.Hour)
			}
			longPoll(h, c)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { r.play(t) })
		})
	}
}

func (r rhythm) play(t *testing.T) {
	h := build(t, plan{inside: true, telemetry: telemetry.Config{BatchEvery: time.Minute}}) // a played second has few ticks
	defer h.stop()
	var app roost.AppID
	if r.battery > 0 {
		a := h.app(map[string]string{"app.py": "x"})
		app = a.ID
		yes := true
		change := release.PoolChange{Settings: roost.SettingsChange{Battery: &yes, Management: &r.battery}}
		if _, err := h.releases.ChangePool(t.Context(), roost.Home, a.ID, a.DefaultPool, change); err != nil {
			t.Fatal(err)
		}
	}
	c := h.board(app)
	second := &desk.Client{URL: c.URL, ID: c.ID, Key: c.Key, HTTP: c.HTTP}
	h.register(c, said(boot1))
	online := func() bool {
		known, _, _ := h.rooms.Registry.Get(ref(c))
		return known.Online
	}
	rounds := 8
	if r.battery > 3600 {
		rounds = 2 // a night is long, even when it is played
	}
	began, alive := time.Now(), make(chan struct{})
	go func() {
		defer close(alive)
		for n := range rounds {
			r.round(h, c, second, n)
		}
	}()
	for living := true; living; {
		select {
		case <-alive:
			living = false
		case <-time.After(time.Second):
			if !online() && time.Since(began) > r.settles {
				t.Errorf("it is missed %s after it came first", time.Since(began))
				<-alive
				living = false
			}
		}
	}
	known, _, _ := h.rooms.Registry.Get(ref(c))
	for online() && time.Since(known.LastHeard) < 48*time.Hour {
		time.Sleep(time.Second)
	}
	if silent := time.Since(known.LastHeard); silent < r.dies[0] || silent > r.dies[1] {
		t.Errorf("it was missed after %s of silence", silent)
	}
}
