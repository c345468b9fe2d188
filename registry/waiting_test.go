package registry_test

import (
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
)

// crowd is a Store that knows many things and keeps nothing.
type crowd struct {
	registry.Store
	things []roost.Thing
}

func (c crowd) Things(context.Context) ([]roost.Thing, error) { return c.things, nil }

func (crowd) Resources(context.Context) (map[roost.Ref][]roost.Resource, error) { return nil, nil }

func (crowd) SaveThing(context.Context, roost.Thing) error { return nil }

// crowded opens a registry with n enrolled things and room for most that wait.
func crowded(tb testing.TB, n, most int) *registry.Registry {
	c := crowd{}
	for i := range n {
		own := "old" + strconv.Itoa(i)
		c.things = append(c.things, roost.Thing{Ref: ref(own), Identity: roost.Identity{Door: "coap", Own: own}, Enrolment: roost.Enrolled})
	}
	r, err := registry.Open(tb.Context(), c, live.NewFeed(time.Now()), registry.Config{MaxWaiting: most}, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// What an unknown id costs must not grow with the number of things: strangers
// choose how many they send.
func TestUnknownThingsCostTheSameInACrowd(t *testing.T) {
	const things, unknown = 20_000, 200
	r := crowded(t, things, 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range unknown {
		arrive(t, r, arrival("new"+strconv.Itoa(i)))
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / unknown; each > things {
		t.Errorf("an unknown thing among %d costs %d bytes", things, each)
	}
	if c := r.Count(roost.Home); c.Waiting != 1 || c.Total != things {
		t.Errorf("counts %+v", c)
	}
}

func BenchmarkUnknownThingInACrowd(b *testing.B) {
	r := crowded(b, 100_000, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := r.Arrive(b.Context(), arrival("new"+strconv.Itoa(i))); err != nil {
			b.Fatal(err)
		}
	}
}

func TestThoseWhoWaitAreDroppedInTheSameOrderAfterARestart(t *testing.T) {
	now := time.Now()
	c := crowd{}
	for i, silent := range []time.Duration{time.Minute, time.Hour, time.Second} {
		own := "old" + strconv.Itoa(i)
		c.things = append(c.things, roost.Thing{
			Ref: ref(own), Identity: roost.Identity{Door: "coap", Own: own}, Enrolment: roost.Waiting,
			FirstHeard: now.Add(time.Duration(i) - time.Hour), LastHeard: now.Add(-silent),
		})
	}
	r, err := registry.Open(t.Context(), c, live.NewFeed(now), registry.Config{MaxWaiting: 3}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	arrive(t, r, arrival("new1"))
	if _, _, ok := r.Get(ref("old1")); ok {
		t.Error("the one silent longest is still there")
	}
	arrive(t, r, arrival("new2"))
	if _, _, ok := r.Get(ref("old0")); ok {
		t.Error("the next is still there")
	}
	if _, _, ok := r.Get(ref("old2")); !ok || r.Count(roost.Home).Waiting != 3 {
		t.Errorf("counts %+v", r.Count(roost.Home))
	}
}

func TestForgottenThingsAreNoMoreAmongTheOthers(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{}).Registry
	for i := range 9 {
		arrive(t, r, arrival(strconv.Itoa(i)))
	}
	for i := range 6 {
		if err := r.Forget(t.Context(), ref(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	left := ""
	r.Each(roost.Home, func(th roost.Thing, _ []roost.Resource) bool { left += string(th.Thing); return true })
	if c := r.Count(roost.Home); left != "678" || c.Total != 3 {
		t.Errorf("left %q, counts %+v", left, c)
	}
}

func TestNoMoreThingsComeInThanThereIsRoomFor(t *testing.T) {
	for _, enrolment := range []string{registry.EnrolOpen, registry.EnrolApprove} {
		r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: enrolment, MaxThings: 2}}).Registry
		arrive(t, r, arrival("n1"))
		arrive(t, r, arrival("n2"))
		vouched := arrival("n3")
		vouched.Gateway = "site-b"
		for _, a := range []registry.Arrival{arrival("n3"), vouched} {
			if _, _, err := r.Arrive(t.Context(), a); roost.KindOf(err) != roost.TooMany || !strings.Contains(roost.Message(err), "2 things") {
				t.Errorf("%s: one more: %v", enrolment, err)
			}
		}
		arrive(t, r, arrival("n1")) // known things come and go
		if err := r.Forget(t.Context(), ref("n2")); err != nil {
			t.Fatal(err)
		}
		arrive(t, r, arrival("n3"))
	}
}
