package registry_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

func arrival(own string) registry.Arrival {
	return registry.Arrival{Identity: roost.Identity{Door: "coap", Own: own}, Protocol: roost.CoAP, Address: "192.0.2.1:5683"}
}

func ref(id string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)} }

func reading(name, text string) roost.Resource {
	return roost.Resource{Name: name, Value: roost.Text(text), At: time.Now()}
}

func arrive(t *testing.T, r *registry.Registry, a registry.Arrival) (roost.Thing, bool) {
	t.Helper()
	thing, fresh, err := r.Arrive(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return thing, fresh
}

func TestUnknownThingWaitsAndNothingOfItIsKept(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove}})
	r := rooms.Registry
	thing, _ := arrive(t, r, arrival("n1"))
	if thing.Enrolment != roost.Waiting {
		t.Fatalf("it is %s", thing.Enrolment)
	}
	if err := r.Report(ref("n1"), []roost.Resource{reading("led", "1")}); roost.KindOf(err) != roost.Denied {
		t.Errorf("report of a waiting thing: %v", err)
	}
	if _, rs, _ := r.Get(ref("n1")); len(rs) != 0 {
		t.Errorf("it has resources: %v", rs)
	}
	if c := r.Count(roost.Home); c.Waiting != 1 || c.Total != 0 {
		t.Errorf("counts %+v", c)
	}
	if _, err := r.Enrol(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	if err := r.Report(ref("n1"), []roost.Resource{reading("led", "1")}); err != nil {
		t.Errorf("report after approval: %v", err)
	}
	if c := r.Count(roost.Home); c.Waiting != 0 || c.Total != 1 || c.Online != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestClosedEnrolmentLetsOnlyKnownAndVouchedThingsIn(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolClosed}}).Registry
	if _, _, err := r.Arrive(t.Context(), arrival("n1")); roost.KindOf(err) != roost.Denied {
		t.Errorf("unknown thing: %v", err)
	}
	a := arrival("n2")
	a.Gateway = "site-b"
	if thing, _ := arrive(t, r, a); thing.Enrolment != roost.Enrolled {
		t.Errorf("vouched thing is %s", thing.Enrolment)
	}
}

func TestThingWithACredentialNeedsNoApproval(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove}}).Registry
	if thing, _ := arrive(t, r, arrival("n1")); thing.Enrolment != roost.Waiting {
		t.Errorf("an unknown thing is %s", thing.Enrolment)
	}
	for _, own := range []string{"n1", "n2"} {
		a := arrival(own)
		a.Trusted = true
		if thing, _ := arrive(t, r, a); thing.Enrolment != roost.Enrolled {
			t.Errorf("%s with its credential is %s", own, thing.Enrolment)
		}
	}
}

func TestIgnoredThingIsTurnedAway(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove}}).Registry
	arrive(t, r, arrival("n1"))
	if _, err := r.Ignore(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Arrive(t.Context(), arrival("n1")); roost.KindOf(err) != roost.Denied {
		t.Errorf("ignored thing arrives: %v", err)
	}
}

func TestTwoDoorsWithTheSameOwnIDAreTwoThings(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{}).Registry
	a, _ := arrive(t, r, arrival("1234"))
	b := arrival("1234")
	b.Identity.Door = "ws"
	other, _ := arrive(t, r, b)
	if a.Thing != "1234" || other.Thing != "1234-ws" {
		t.Errorf("they are %s and %s", a.Thing, other.Thing)
	}
	again, fresh := arrive(t, r, b)
	if again.Thing != other.Thing || fresh {
		t.Errorf("it came back as %s, fresh %v", again.Thing, fresh)
	}
}

func TestSilentThingIsLostOnceAndComesBackFresh(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Presence: 200 * time.Millisecond}})
	feed := rooms.Feed.Tail()
	defer feed.Close()
	arrive(t, rooms.Registry, arrival("n1"))
	bound := arrival("n2")
	bound.Bound = true
	arrive(t, rooms.Registry, bound)
	for {
		e := roomtest.Next(t, feed, roost.ThingChanged)
		if e.Ref == ref("n2") && !e.Thing.Online {
			t.Fatal("a thing that is here by its connection was lost by silence")
		}
		if !e.Thing.Online {
			break
		}
	}
	if _, fresh := arrive(t, rooms.Registry, arrival("n1")); !fresh {
		t.Error("it is not fresh when it comes back")
	}
}

func TestRestartForgetsValuesAndTellsWatchers(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	arrive(t, rooms.Registry, arrival("n1"))
	if err := rooms.Registry.Report(ref("n1"), []roost.Resource{reading("led", "1")}); err != nil {
		t.Fatal(err)
	}
	feed := rooms.Feed.Tail()
	defer feed.Close()
	a := arrival("n1")
	a.Restarted = true
	if _, fresh := arrive(t, rooms.Registry, a); !fresh {
		t.Error("a restarted thing is not fresh")
	}
	roomtest.Next(t, feed, roost.ThingReset)
	if _, rs, _ := rooms.Registry.Get(ref("n1")); len(rs) != 0 {
		t.Errorf("it still has %v", rs)
	}
}

func TestLastValuesNamesAndOrderSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	rooms := roomtest.Open(t, roomtest.Config{Dir: dir})
	arrive(t, rooms.Registry, arrival("n1"))
	if err := rooms.Registry.Report(ref("n1"), []roost.Resource{reading("zeta", "1"), reading("alpha", "24.1°C"), reading("zeta", "2")}); err != nil {
		t.Fatal(err)
	}
	if _, err := rooms.Registry.Rename(t.Context(), ref("n1"), " Attic "); err != nil {
		t.Fatal(err)
	}
	if _, err := rooms.Registry.Tag(t.Context(), ref("n1"), []string{"b", "a", "b", " "}); err != nil {
		t.Fatal(err)
	}
	rooms.Stop()

	again := roomtest.Open(t, roomtest.Config{Dir: dir})
	thing, rs, ok := again.Registry.Get(ref("n1"))
	if !ok || thing.GivenName != "Attic" || len(thing.Tags) != 2 || thing.Tags[0] != "a" || thing.Online {
		t.Errorf("it came back as %+v", thing)
	}
	if len(rs) != 2 || rs[0].Name != "zeta" || rs[0].Value != `"2"` || rs[1].Name != "alpha" {
		t.Errorf("its values came back as %v", rs)
	}
}

func TestTooManyWaitingDropTheOneSilentLongest(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove, MaxWaiting: 3}})
	for _, id := range []string{"a", "b", "c", "a", "d"} { // "a" made itself heard again
		arrive(t, rooms.Registry, arrival(id))
	}
	var left []string
	rooms.Registry.Each(roost.Home, func(th roost.Thing, _ []roost.Resource) bool {
		left = append(left, string(th.Thing))
		return true
	})
	if len(left) != 3 || left[0] != "a" || left[1] != "c" || left[2] != "d" {
		t.Errorf("left waiting: %v", left)
	}
}

func TestForgottenThingMayArriveAgainAsUnknown(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove}})
	r := rooms.Registry
	arrive(t, r, arrival("n1"))
	if _, err := r.Enrol(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	if err := r.Forget(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := r.Get(ref("n1")); ok {
		t.Error("it is still there")
	}
	if thing, _ := arrive(t, r, arrival("n1")); thing.Enrolment != roost.Waiting {
		t.Errorf("it came back as %s", thing.Enrolment)
	}
}

func TestOneThingCannotFillMemory(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Registry: registry.Config{MaxResources: 2}}).Registry
	arrive(t, r, arrival("n1"))
	err := r.Report(ref("n1"), []roost.Resource{reading("a", "1"), reading("b", "1"), reading("c", "1")})
	if roost.KindOf(err) != roost.Invalid {
		t.Errorf("a third resource of two: %v", err)
	}
}

func TestPortThatAlwaysChangesIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rooms := roomtest.Open(t, roomtest.Config{})
		feed := rooms.Feed.Tail()
		changes := func() (n int) {
			var events [64]*roost.Event
			ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
			defer stop()
			for {
				got, err := feed.Next(ctx, events[:])
				if err != nil {
					return n
				}
				for _, e := range events[:got] {
					if e.Kind == roost.ThingChanged {
						n++
					}
				}
			}
		}
		a := arrival("n1")
		from := func(address string, wait time.Duration) {
			t.Helper()
			time.Sleep(wait)
			a.Address = address
			arrive(t, rooms.Registry, a)
			if thing, _, _ := rooms.Registry.Get(ref("n1")); thing.Address != address {
				t.Errorf("address is %s, not %s", thing.Address, address)
			}
		}
		from("192.0.2.1:40000", 0)
		if n := changes(); n != 1 {
			t.Fatalf("%d events of a thing that came", n)
		}
		for port := range 5 {
			from("192.0.2.1:4100"+strconv.Itoa(port), 30*time.Second)
		}
		if n := changes(); n != 0 {
			t.Errorf("%d events of other ports", n)
		}
		from("192.0.2.2:41004", 30*time.Second)
		if n := changes(); n != 1 {
			t.Errorf("%d events of another host", n)
		}
		for range 13 { // it stays at a new port, which is told in the end
			from("192.0.2.2:42000", 30*time.Second)
		}
		if n := changes(); n != 1 {
			t.Errorf("%d events of a port that stays", n)
		}
	})
}
