package agent_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// jumper is a thing whose clock jumps. It gives its entries times as the runtime does:
// each a later one than the last.
type jumper struct {
	*rand.Rand
	off   time.Duration
	last  int64
	n     int // entries made
	queue []wire.Entry
	sent  int // of the queue, before
}

func (j *jumper) jump() {
	switch j.Intn(6) {
	case 0:
		j.off = time.Duration(j.Intn(40)-20) * time.Minute
	case 1:
		j.off = []time.Duration{
			10 * time.Minute, -10 * time.Minute, 0, 4*time.Minute + 59*time.Second, 5*time.Minute + 2*time.Millisecond, 30 * 24 * time.Hour,
		}[j.Intn(6)]
	}
}

func (j *jumper) put() {
	for range j.Intn(4) {
		j.last = max(time.Now().Add(j.off).UnixMilli(), j.last+1)
		j.queue = append(j.queue, wire.Entry{At: j.last, Kind: wire.EntryMessage, Body: roost.Value(fmt.Sprintf(`{"m":%d}`, j.n))})
		j.n++
	}
}

// sync sends all that the jumper has; its answer is lost now and then.
func (j *jumper) sync(h *house, c *desk.Client) {
	if len(j.queue) == 0 {
		return
	}
	a := h.sync(c, wire.Sync{Queue: j.queue, Again: j.sent})
	j.sent = len(j.queue)
	if j.Intn(3) > 0 {
		j.queue = slices.DeleteFunc(j.queue, func(e wire.Entry) bool { return e.At <= a.Upto })
		j.sent = 0
	}
}

// Jumps of the clock, answers that are lost and restarts of Roost: each message and each
// reading is there once, and in its order.
func TestNothingIsLostOrDoubledWhateverTheClockDoes(t *testing.T) {
	for _, seed := range []int64{13, 18, 20, 22} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := build(t, plan{})
			c := h.board("")
			h.register(c, said(boot1))
			j := &jumper{Rand: rand.New(rand.NewSource(seed))}
			for range 40 {
				j.jump()
				j.put()
				j.sync(h, c)
				if j.Intn(8) == 0 {
					h = h.again(plan{})
					c = &desk.Client{URL: h.server.URL, HTTP: h.http, ID: c.ID, Key: c.Key}
				}
			}
			if len(j.queue) > 0 {
				h.sync(c, wire.Sync{Queue: j.queue, Again: j.sent})
			}
			var want []string
			for i := range j.n {
				want = append(want, fmt.Sprintf(`{"m":%d}`, i))
			}
			if got := h.messages(c); !slices.Equal(got, want) {
				t.Errorf("%d messages, not %d in their order: %s", len(got), j.n, strings.Join(got, " "))
			}
			from, to := ever()
			if n := h.readings(c, "m", from, to); n != j.n {
				t.Errorf("%d readings, not %d", n, j.n)
			}
		})
	}
}

// What moves goes behind what kept its own time close to the border, and that further than
// any other door lets it; what was sent before is found there.
func TestEntriesAtTheBorderAreKeptOnce(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	at := time.Now().Add(5*time.Minute - time.Millisecond).UnixMilli()
	var q []wire.Entry
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf(`{"m":%d}`, i))
		q = append(q, wire.Entry{At: at + int64(i), Kind: wire.EntryMessage, Body: roost.Value(want[i])})
	}
	q[199].At += time.Hour.Milliseconds()
	h.sync(c, wire.Sync{Queue: q[:1]})
	h.sync(c, wire.Sync{Queue: q, Again: 1})
	h.sync(c, wire.Sync{Queue: q, Again: 200})
	h = h.again(plan{})
	c = &desk.Client{URL: h.server.URL, HTTP: h.http, ID: c.ID, Key: c.Key}
	h.sync(c, wire.Sync{Queue: q[100:], Again: 100})
	if got := h.messages(c); !slices.Equal(got, want) {
		t.Errorf("%d messages: %s", len(got), strings.Join(got, " "))
	}
	from, to := ever()
	if n := h.readings(c, "m", from, to); n != 200 {
		t.Errorf("%d readings", n)
	}
}
