package gateway_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/telemetry"
)

// link is a way to a thing whose far end is the test.
type link struct {
	sent   chan roost.Command
	closed chan string
	err    error
}

func newLink() *link { return &link{sent: make(chan roost.Command, 8), closed: make(chan string, 8)} }

func (l *link) Send(_ context.Context, c roost.Command) error { l.sent <- c; return l.err }
func (l *link) Close(reason string)                           { l.closed <- reason }

func arrival(own string, l gateway.Link) gateway.Arrival {
	return gateway.Arrival{Identity: roost.Identity{Door: "ws", Own: own}, Protocol: roost.WebSocket, Address: "192.0.2.1:4711", Link: l}
}

func arrive(t *testing.T, r *roomtest.Rooms, own string, l gateway.Link) gateway.Standing {
	t.Helper()
	s, err := r.Switchboard.Arrive(t.Context(), arrival(own, l))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(name, value string) roost.Resource {
	return roost.Resource{Name: name, Value: roost.Text(value)}
}

// state waits for a command's state.
func state(t *testing.T, r *roomtest.Rooms, id string, want roost.CommandState) roost.Command {
	t.Helper()
	pace := time.NewTicker(time.Millisecond) // a last state reaches the store behind its event
	defer pace.Stop()
	late := time.After(10 * time.Second)
	for {
		c, err := r.Commands.Find(t.Context(), roost.Home, id)
		if err == nil && c.State == want {
			return c
		}
		select {
		case <-pace.C:
		case <-late:
			t.Fatalf("the command never became %s", want)
		}
	}
}

func TestCommandReachesTheThingAndItsReportMakesItDone(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	l := newLink()
	s := arrive(t, r, "n1", l)
	c, err := r.Commands.Submit(t.Context(), command.Request{Ref: s.Ref, Resource: "led", Value: `"1"`})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-l.sent; got.ID != c.ID || got.Value != `"1"` {
		t.Errorf("the thing got %+v", got)
	}
	state(t, r, c.ID, roost.Sent)
	if err := r.Switchboard.Report(t.Context(), s.Ref, []roost.Resource{text("led", "1")}); err != nil {
		t.Fatal(err)
	}
	state(t, r, c.ID, roost.Done)
	if _, rs, _ := r.Registry.Get(s.Ref); len(rs) != 1 || !rs[0].Writable || rs[0].At.IsZero() {
		t.Errorf("the led is known as %+v", rs)
	}
}

func TestNewConnectionTakesTheOldOnesPlace(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	old, fresh := newLink(), newLink()
	s := arrive(t, r, "n1", old)
	if again := arrive(t, r, "n1", old); again.Fresh {
		t.Error("a sign of life over the same link is fresh")
	}
	if moved := arrive(t, r, "n1", fresh); !moved.Fresh {
		t.Error("a thing with a new link is not fresh")
	}
	<-old.closed
	if err := r.Switchboard.Leave(t.Context(), s.Ref, old); err != nil { // the old connection's end comes late
		t.Fatal(err)
	}
	if th, _, _ := r.Registry.Get(s.Ref); !th.Online {
		t.Error("the end of the old connection took the new one's thing away")
	}
	if err := r.Switchboard.Leave(t.Context(), s.Ref, fresh); err != nil {
		t.Fatal(err)
	}
	if th, _, _ := r.Registry.Get(s.Ref); th.Online {
		t.Error("it is online without a connection")
	}
}

func TestApprovalAsksTheThingForItsResources(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove}})
	l := newLink()
	s := arrive(t, r, "n1", l)
	if s.Enrolment != roost.Waiting {
		t.Fatalf("it is %s", s.Enrolment)
	}
	if err := r.Switchboard.Report(t.Context(), s.Ref, []roost.Resource{text("led", "1")}); roost.KindOf(err) != roost.Denied {
		t.Errorf("report of a waiting thing: %v", err)
	}
	if _, err := r.Switchboard.Approve(t.Context(), s.Ref, "anna"); err != nil {
		t.Fatal(err)
	}
	if c := <-l.sent; c.Kind != roost.Refresh || c.By != "anna" {
		t.Errorf("the thing got %+v", c)
	}
	if err := r.Switchboard.Report(t.Context(), s.Ref, []roost.Resource{text("led", "1")}); err != nil {
		t.Error(err)
	}
}

func TestForgottenThingIsCutOffAndLeavesNothing(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	l := newLink()
	s := arrive(t, r, "n1", l)
	if err := r.Switchboard.Report(t.Context(), s.Ref, []roost.Resource{text("temperature", "21°C")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commands.Submit(t.Context(), command.Request{Ref: s.Ref, Resource: "led", Value: `"1"`, Expiry: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := r.Switchboard.Forget(t.Context(), s.Ref); err != nil {
		t.Fatal(err)
	}
	<-l.closed
	if cmds, err := r.Commands.Of(t.Context(), s.Ref, 10); err != nil || len(cmds) != 0 {
		t.Errorf("its commands: %v, %v", cmds, err)
	}
	if err := r.Switchboard.Report(t.Context(), s.Ref, []roost.Resource{text("temperature", "22°C")}); roost.KindOf(err) != roost.NotFound {
		t.Errorf("a report after that: %v", err)
	}
	now := time.Now()
	h, err := r.Telemetry.History(t.Context(), s.Ref, "temperature", now.Add(-time.Hour), now.Add(time.Hour), 100)
	if err != nil || len(h.Numbers) != 0 {
		t.Errorf("its readings: %+v, %v", h, err)
	}
}

func TestThingWhoseReadingsStayIsStillThere(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Telemetry: telemetry.Config{Commit: true}})
	s := arrive(t, r, "n1", newLink())
	if err := r.Switchboard.Report(t.Context(), s.Ref, []roost.Resource{text("temperature", "21°C")}); err != nil {
		t.Fatal(err)
	}
	if err := r.Numbers.Close(t.Context()); err != nil { // nothing can be deleted
		t.Fatal(err)
	}
	if err := r.Switchboard.Forget(t.Context(), s.Ref); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("deleted: %v", err)
	}
	if _, _, ok := r.Registry.Get(s.Ref); !ok {
		t.Error("it is gone, and its readings are not")
	}
	if ids, err := r.Store.SeriesOf(t.Context(), s.Ref); err != nil || len(ids) != 1 {
		t.Errorf("its series %v, %v", ids, err)
	}
}

func TestNobodyThereFailsTheCommandAtOnce(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	l := newLink()
	s := arrive(t, r, "n1", l)
	if err := r.Switchboard.Leave(t.Context(), s.Ref, l); err != nil {
		t.Fatal(err)
	}
	c, err := r.Commands.Submit(t.Context(), command.Request{Ref: s.Ref, Resource: "led", Value: `"1"`})
	if err != nil {
		t.Fatal(err)
	}
	if got := state(t, r, c.ID, roost.Failed); got.Error != "The thing is not connected." {
		t.Errorf("it says %q", got.Error)
	}
}

func BenchmarkReport(b *testing.B) {
	r := roomtest.Open(b, roomtest.Config{})
	s, err := r.Switchboard.Arrive(b.Context(), arrival("n1", newLink()))
	if err != nil {
		b.Fatal(err)
	}
	values := make([]roost.Resource, 1)
	b.ReportAllocs()
	for b.Loop() {
		for {
			values[0] = roost.Resource{Name: "temperature", Value: `"24.1°C"`}
			if r.Switchboard.Report(b.Context(), s.Ref, values) == nil {
				break
			}
			time.Sleep(time.Millisecond) // too much is pending: the disk is the measure
		}
	}
}

func TestSleepingThingGetsItsCommandWithItsNextSignOfLife(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	l := newLink()
	l.err = command.ErrAsleep
	s := arrive(t, r, "n1", l)
	c, err := r.Commands.Submit(t.Context(), command.Request{Ref: s.Ref, Resource: "led", Value: `"1"`})
	if err != nil {
		t.Fatal(err)
	}
	<-l.sent
	arrive(t, r, "n1", l) // over the same link, never lost meanwhile
	select {
	case again := <-l.sent:
		if again.ID != c.ID {
			t.Errorf("the thing got %+v", again)
		}
	case <-time.After(10 * time.Second):
		t.Error("the command sleeps on")
	}
}

func TestEndOfTheOldConnectionNeverHidesTheNewOne(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	old := newLink()
	s := arrive(t, r, "n1", old)
	for range 300 {
		fresh := newLink()
		var left sync.WaitGroup
		left.Go(func() { _ = r.Switchboard.Leave(context.Background(), s.Ref, old) })
		arrive(t, r, "n1", fresh)
		left.Wait()
		if th, _, _ := r.Registry.Get(s.Ref); !th.Online {
			t.Fatal("it is offline, and its new connection stands")
		}
		old = fresh
	}
}

func TestOneResourceTooManyIsNotRecorded(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{MaxResources: 2}, Telemetry: telemetry.Config{Commit: true}})
	s := arrive(t, r, "n1", newLink())
	values := []roost.Resource{text("a", "1"), text("b", "1"), text("c", "1"), text("a", "2")}
	if err := r.Switchboard.Report(t.Context(), s.Ref, values); roost.KindOf(err) != roost.Invalid {
		t.Errorf("three of two: %v", err)
	}
	now := time.Now()
	for name, want := range map[string]bool{"a": true, "b": true, "c": false} {
		h, err := r.Telemetry.History(t.Context(), s.Ref, name, now.Add(-time.Hour), now.Add(time.Hour), 10)
		if err != nil || (len(h.Numbers) > 0) != want {
			t.Errorf("readings of %q: %+v, %v", name, h.Numbers, err)
		}
	}
	if _, rs, _ := r.Registry.Get(s.Ref); len(rs) != 2 || rs[0].Value != `"2"` {
		t.Errorf("last values: %v", rs)
	}
}

func TestCommandWaitsForTheLinkOfAThingThatArrives(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{})
	// What people see of an arrival before its link stands.
	th, _, err := r.Registry.Arrive(t.Context(), registry.Arrival{Identity: arrival("n1", nil).Identity})
	if err != nil {
		t.Fatal(err)
	}
	l, arrived := newLink(), make(chan error, 1)
	go func() {
		_, err := r.Switchboard.Arrive(t.Context(), arrival("n1", l))
		arrived <- err
	}()
	if err := r.Switchboard.Deliver(t.Context(), roost.Command{Ref: th.Ref, Kind: roost.Refresh}); err != nil {
		t.Error(err)
	}
	if err := <-arrived; err != nil {
		t.Error(err)
	}
}
