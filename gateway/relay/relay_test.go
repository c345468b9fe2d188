package relay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

func TestFarThingsAreHereWithTheirValuesAndLeave(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), nil)
	p := s.thing("kitchen")
	p.say("temperature", `"21.5°C"`, time.Time{})
	roomtest.Eventually(t, "the value is at the hub", func() bool { return h.last("kitchen", "temperature").Value == `"21.5°C"` })
	thing, _, _ := h.rooms.Registry.Get(roost.Ref{Project: roost.Home, Thing: "kitchen"})
	if thing.Gateway != "attic" || thing.Protocol != roost.CoAP || thing.Address != "192.0.2.9:5683" || thing.Enrolment != roost.Enrolled || !thing.Online {
		t.Errorf("%+v", thing)
	}
	p.leave()
	roomtest.Eventually(t, "it is gone", func() bool { return !h.online("kitchen")() })
	if st := p.arrive(false); !st.Fresh {
		t.Error("a thing that is back is not fresh")
	}
	roomtest.Eventually(t, "it is back", h.online("kitchen"))
	p.arrive(true)
	roomtest.Eventually(t, "its values are forgotten", func() bool { return h.last("kitchen", "temperature").Name == "" })
	s.settled()
	if st := s.client.Status(); !st.Connected || st.Things != 1 || st.Lag != 0 || st.Spool.Entries != 0 || st.Version != "test" {
		t.Errorf("far end: %+v", st)
	}
	roomtest.Eventually(t, "the hub knows how the line stands", func() bool {
		list := h.srv.Gateways()
		return len(list) == 1 && list[0].Connected && list[0].Things == 1 && list[0].Name == "attic" &&
			list[0].Key == wire.FileKey && len(list[0].Doors) == 1 && list[0].Lag == 0
	})
}

// TestNothingIsLostWhileTheLineIsCut: an hour of readings made while the line was
// down arrives with its times and in its order, and the hub is killed on the way.
func TestNothingIsLostWhileTheLineIsCut(t *testing.T) {
	for _, slow := range []bool{false, true} {
		t.Run(fmt.Sprintf("slow=%v", slow), func(t *testing.T) { cutAndKill(t, slow) })
	}
}

func cutAndKill(t *testing.T, slow bool) {
	h := newHub(t)
	h.slow = slow
	h.start()
	line := newCable(t)
	line.plug(h.addr())
	s := newSite(t, h, line.addr(), func(c *ClientConfig) { c.Commit = slow; c.window = 600 })
	const things, each = 12, 150
	start := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	var all []*probe
	for i := range things {
		all = append(all, s.thing(name(i)))
	}
	s.settled()
	line.cut()
	roomtest.Eventually(t, "the line is down", func() bool { return !s.client.Status().Connected })
	for n := range each {
		for i, p := range all {
			p.say("n", roost.Value(strconv.Itoa(n)), start.Add(time.Duration(n)*time.Second+time.Duration(i)*time.Millisecond))
		}
	}
	if st := s.client.Status(); st.Spool.Entries < things*each || st.Lag < 0 {
		t.Errorf("while the line is down: %+v", st)
	}
	for bytes := range int64(4) { // the hub dies in the middle of what it is sent
		line.plugFor(h.addr(), 2000+bytes*5001)
		roomtest.Eventually(t, "the line is cut again", func() bool {
			line.mu.Lock()
			defer line.mu.Unlock()
			return line.to == ""
		})
		if bytes%2 == 1 {
			h.kill()
			h.start()
		}
	}
	line.plug(h.addr())
	s.settled()
	for i := range things {
		id := roost.ThingID(name(i))
		points := h.points(id, "n")
		if len(points) != each {
			t.Fatalf("%s has %d readings of %d", id, len(points), each)
		}
		for n, p := range points {
			if want := start.Add(time.Duration(n)*time.Second + time.Duration(i)*time.Millisecond).UnixMilli(); p.Time != want || p.Value != float64(n) {
				t.Fatalf("%s, reading %d: %v at %d, want time %d", id, n, p.Value, p.Time, want)
			}
		}
		if v := h.last(id, "n").Value; v != roost.Value(strconv.Itoa(each-1)) {
			t.Errorf("%s ends with %s", id, v)
		}
		if !h.online(id)() {
			t.Errorf("%s is not here", id)
		}
	}
	if st := s.client.Status(); st.Spool.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

// TestSpoolOutlivesTheGateway: what was kept while there was no hub is sent by the
// process that comes after.
func TestSpoolOutlivesTheGateway(t *testing.T) {
	h := newHub(t)
	dir := t.TempDir()
	line := newCable(t)
	s := newSite(t, h, line.addr(), func(c *ClientConfig) { c.Dir = dir })
	p := s.thing("n1")
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	p.say("led", "1", at)
	p.leave()
	s.stop()
	s = newSite(t, h, line.addr(), func(c *ClientConfig) { c.Dir = dir })
	h.start()
	line.plug(h.addr())
	s.settled()
	if r := h.last("n1", "led"); r.Value != "1" || !r.At.Equal(at) {
		t.Errorf("%+v", r)
	}
	roomtest.Eventually(t, "it is known to be gone", func() bool { return !h.online("n1")() })
}

// TestLiveValuesDoNotWaitForTheOldOnes: while a big spool is replayed, a new value is
// seen at once, and the old ones do not take its place.
func TestLiveValuesDoNotWaitForTheOldOnes(t *testing.T) {
	h := newHub(t).start()
	line := newCable(t)
	s := newSite(t, h, line.addr(), func(c *ClientConfig) { c.window = 64 })
	p := s.thing("n1")
	q := s.thing("n2")
	start := time.Now().Add(-time.Hour)
	const old = 6000
	for n := range old {
		p.say("n", roost.Value(strconv.Itoa(n)), start.Add(time.Duration(n)*100*time.Millisecond))
	}
	q.leave()
	line.plug(h.addr())
	roomtest.Eventually(t, "the replay has begun", func() bool { return h.last("n1", "n").Name != "" })
	p.say("n", "-1", time.Time{})
	roomtest.Eventually(t, "the new value is seen", func() bool { return h.last("n1", "n").Value == "-1" })
	if entries := s.client.Status().Spool.Entries; entries == 0 {
		t.Log("the replay was over before the new value came: nothing was shown")
	}
	s.settled()
	if v := h.last("n1", "n").Value; v != "-1" {
		t.Errorf("the last value is %s", v)
	}
	if got := len(h.points("n1", "n")); got != old+1 {
		t.Errorf("%d readings of %d", got, old+1)
	}
	if !h.online("n1")() {
		t.Error("n1 is not here")
	}
	roomtest.Eventually(t, "n2 is gone", func() bool { return !h.online("n2")() })
}

func TestThingsAreGoneWhenTheLineStaysDown(t *testing.T) {
	h := newHub(t).start()
	line := newCable(t)
	line.plug(h.addr())
	s := newSite(t, h, line.addr(), nil)
	s.thing("n1")
	gone := s.thing("n2")
	roomtest.Eventually(t, "both are here", func() bool { return h.online("n1")() && h.online("n2")() })
	line.cut()
	roomtest.Eventually(t, "they are gone", func() bool { return !h.online("n1")() && !h.online("n2")() })
	list := h.srv.Gateways()
	if len(list) != 1 || list[0].Connected || list[0].LastSeen.IsZero() || list[0].Name != "attic" {
		t.Errorf("%+v", list)
	}
	gone.leave()
	line.plug(h.addr())
	roomtest.Eventually(t, "one is back", h.online("n1"))
	s.settled()
	if h.online("n2")() {
		t.Error("n2 left meanwhile")
	}
}

func TestSilentThingLeaves(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), func(c *ClientConfig) { c.Presence = 50 * time.Millisecond })
	s.thing("n1")
	roomtest.Eventually(t, "it is here", func() bool { _, _, ok := h.rooms.Registry.Get(roost.Ref{Project: roost.Home, Thing: "n1"}); return ok })
	roomtest.Eventually(t, "it is gone", func() bool { return !h.online("n1")() && s.client.Status().Things == 0 })
}

// submit asks for a set at the hub and gives its command.
func (h *hub) submit(ctx context.Context, id roost.ThingID, expiry time.Duration) (roost.Command, error) {
	return h.rooms.Commands.Submit(ctx, command.Request{
		Ref: roost.Ref{Project: roost.Home, Thing: id}, Resource: "led", Value: "1", By: "ada", Expiry: expiry,
	})
}

// ends waits for the final state of a command.
func (h *hub) ends(id string) roost.Command {
	h.t.Helper()
	var got roost.Command
	roomtest.Eventually(h.t, "the command ends", func() bool {
		c, err := h.rooms.Store.Command(context.Background(), roost.Home, id)
		got = c
		return err == nil && c.State.Final()
	})
	return got
}

func TestCommandIsDoneByTheThingsWord(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), nil)
	p := s.thing("n1")
	roomtest.Eventually(t, "it is here", h.online("n1"))
	c, err := h.submit(t.Context(), "n1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "the thing has it", func() bool { return p.received() == 1 })
	if p.got[0].ID != c.ID || p.got[0].Resource != "led" || p.got[0].Value != "1" || p.got[0].Ref != p.ref {
		t.Errorf("%+v", p.got[0])
	}
	roomtest.Eventually(t, "it is sent", func() bool {
		got, err := h.rooms.Store.Command(t.Context(), roost.Home, c.ID)
		return err == nil && got.State == roost.Sent
	})
	p.say("led", `"1"`, time.Time{})
	if got := h.ends(c.ID); got.State != roost.Done || got.Result.AsText() != "1" {
		t.Errorf("%+v", got)
	}
}

func TestWhatTheFarDoorSaysIsToldAtTheHub(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), nil)
	p := s.thing("n1")
	roomtest.Eventually(t, "it is here", h.online("n1"))
	for _, row := range []struct {
		err   error
		state roost.CommandState
		why   string
	}{
		{roost.Errorf(roost.Invalid, "4.00 Bad Request"), roost.Failed, "4.00 Bad Request"},
		{command.ErrGone, roost.Failed, "The thing is not connected."},
		{errors.New("secret"), roost.Failed, "Something inside Roost failed; its log says what."},
	} {
		p.mu.Lock()
		p.send = func(context.Context, roost.Command) error { return row.err }
		p.mu.Unlock()
		c, err := h.submit(t.Context(), "n1", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.ends(c.ID); got.State != row.state || got.Error != row.why {
			t.Errorf("%v: %s %q", row.err, got.State, got.Error)
		}
	}
}

func TestSleepingThingGetsItsCommandWhenItWakes(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), nil)
	p := s.thing("n1")
	p.send = func(context.Context, roost.Command) error { return command.ErrAsleep }
	roomtest.Eventually(t, "it is here", h.online("n1"))
	c, err := h.submit(t.Context(), "n1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "it was asked", func() bool { return p.received() > 0 })
	p.mu.Lock()
	p.send = nil
	p.mu.Unlock()
	roomtest.Eventually(t, "it was asked again", func() bool { p.arrive(false); return p.received() > 1 })
	p.say("led", "1", time.Time{})
	if got := h.ends(c.ID); got.State != roost.Done {
		t.Errorf("%+v", got)
	}
}

// TestCommandUnderWayOutlivesTheLine: the line is cut while the door hands a command
// over; the thing gets it once, and the hub hears its outcome by the next line.
func TestCommandUnderWayOutlivesTheLine(t *testing.T) {
	h := newHub(t).start()
	line := newCable(t)
	line.plug(h.addr())
	s := newSite(t, h, line.addr(), nil)
	p := s.thing("n1")
	release := make(chan struct{})
	p.send = func(ctx context.Context, _ roost.Command) error {
		select {
		case <-release:
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	}
	roomtest.Eventually(t, "it is here", h.online("n1"))
	c, err := h.submit(t.Context(), "n1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "the thing is asked", func() bool { return p.received() == 1 })
	line.cut()
	roomtest.Eventually(t, "the line is down", func() bool { return !s.client.Status().Connected })
	close(release)
	p.say("led", "1", time.Time{})
	line.plug(h.addr())
	if got := h.ends(c.ID); got.State != roost.Done {
		t.Errorf("%+v", got)
	}
	s.settled()
	if n := p.received(); n != 1 {
		t.Errorf("the thing got it %d times", n)
	}
}

func TestBriefCommandFailsWhenNobodyIsThere(t *testing.T) {
	h := newHub(t).start()
	line := newCable(t)
	line.plug(h.addr())
	s := newSite(t, h, line.addr(), nil)
	s.thing("n1")
	roomtest.Eventually(t, "it is here", h.online("n1"))
	line.cut()
	roomtest.Eventually(t, "it is gone", func() bool { return !h.online("n1")() })
	c, err := h.submit(t.Context(), "n1", 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.ends(c.ID); got.State != roost.Failed {
		t.Errorf("%+v", got)
	}
}

func TestThingDeletedAtTheHubIsCutOffAndMayComeBack(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), nil)
	p := s.thing("n1")
	p.say("led", "1", time.Time{})
	s.settled()
	if err := h.rooms.Switchboard.Forget(t.Context(), roost.Ref{Project: roost.Home, Thing: "n1"}); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "the door is told", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.closed != "" })
	err := s.client.Report(t.Context(), p.ref, []roost.Resource{{Name: "led", Value: "1"}})
	if roost.KindOf(err) != roost.NotFound {
		t.Errorf("a value of a deleted thing: %v", err)
	}
	if st := p.arrive(false); !st.Fresh {
		t.Error("not fresh")
	}
	roomtest.Eventually(t, "it is back", h.online("n1"))
}
