package pyaiot

import (
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

// oneThing is a fleet of one.
type oneThing struct {
	thing roost.Thing
	rs    []roost.Resource
}

func (o *oneThing) Each(_ roost.ProjectID, f func(roost.Thing, []roost.Resource) bool) {
	if shown(o.thing) {
		f(o.thing, o.rs)
	}
}

func (o *oneThing) Get(roost.Ref) (roost.Thing, []roost.Resource, bool) {
	return o.thing, append([]roost.Resource(nil), o.rs...), true
}

// TestAppearanceDoesNotOvertakeEvents: a thing behind a far gateway says values whose
// times are older than its arrival here. Those whose events are still to come are told
// by them, once and in order.
func TestAppearanceDoesNotOvertakeEvents(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	fleet := &oneThing{}
	s := newStream(roost.Home, fleet)
	thing := roost.Thing{Ref: roost.Ref{Project: roost.Home, Thing: "far"}, Enrolment: roost.Enrolled, Online: true}
	fleet.thing = thing
	fleet.rs = []roost.Resource{
		{Name: "kept", Value: "1", At: long},
		{Name: "before", Value: "2", At: long, Event: 6},
		{Name: "since", Value: "3", At: long, Event: 9},
	}
	s.take(&roost.Event{Seq: 7, Kind: roost.ThingChanged, Ref: thing.Ref, At: time.Now(), Thing: &thing})
	told := string(s.build)
	for name, want := range map[string]int{"kept": 1, "before": 1, "since": 0} {
		if got := strings.Count(told, `"`+name+`"`); got != want {
			t.Errorf("%s is told %d times when the thing appears, want %d", name, got, want)
		}
	}
	s.take(&roost.Event{Seq: 8, Kind: roost.Read, Ref: thing.Ref, Resource: "since", Value: "2"})
	s.take(&roost.Event{Seq: 9, Kind: roost.Read, Ref: thing.Ref, Resource: "since", Value: "3"})
	if got := strings.Count(string(s.build), `"since"`); got != 2 {
		t.Errorf("its events tell it %d times, want 2", got)
	}
}
