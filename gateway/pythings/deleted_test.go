package pythings_test

import (
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
)

// deletes is a fleet from which things go while they register.
type deletes struct {
	pythings.Fleet
	on atomic.Bool
}

func (d *deletes) Get(ref roost.Ref) (t roost.Thing, rs []roost.Resource, ok bool) {
	if d.on.Load() {
		return t, nil, false
	}
	return d.Fleet.Get(ref)
}

func TestThingDeletedWhileItRegistersLeavesNothing(t *testing.T) {
	var fleet deletes
	h := build(t, plan{change: func(c *pythings.Config) { fleet.Fleet, c.Registry = c.Registry, &fleet }})
	d := h.device("going")
	fleet.on.Store(true)
	want(t, "register", d.register(), 401, "deleted just now")
	if s, ok := h.releases.Software(d.ref()); ok {
		t.Errorf("left behind: %+v", s)
	}
	fleet.on.Store(false)
	d.mustRegister()
	if _, ok := h.releases.Software(d.ref()); !ok {
		t.Error("it came again, and nothing is known of it")
	}
}
