package agent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

func (h *house) boots(c *desk.Client) []roost.Boot {
	h.t.Helper()
	all, ok, err := h.door.Boots(h.t.Context(), ref(c))
	if err != nil || !ok {
		h.t.Fatalf("boots: %v %v", ok, err)
	}
	return all
}

func TestStartsOfAThingAreKept(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	if all := h.boots(c); len(all) != 0 {
		t.Errorf("it has never come: %+v", all)
	}
	h.register(c, said(boot1))
	again := said(boot1)
	again.App = "1795240653"
	h.register(c, again) // once its app is imported
	h.sync(c, wire.Sync{Up: 90_000})
	r := said(boot2)
	r.Reset, r.Why = "planned", "update"
	h.register(c, r)
	all := h.boots(c)
	if len(all) != 2 {
		t.Fatalf("boots %+v", all)
	}
	if b := all[1]; b.Name != boot1 || b.Reset != "power on" || b.OS != "1.0.0" || b.App != "1795240653" || b.Before != 0 || time.Since(b.At) > time.Hour {
		t.Errorf("the first: %+v", b)
	}
	if b := all[0]; b.Name != boot2 || b.Reset != "planned" || b.Why != "update" || b.App != "0" || b.Before != 90*time.Second {
		t.Errorf("the second: %+v", b)
	}
	h.sync(c, wire.Sync{Boot: "00000003"}) // it did not register
	if b := h.boots(c)[0]; b.Name != "00000003" || b.Reset != "" || b.Why != "" {
		t.Errorf("a boot that did not register: %+v", b)
	}
	r = said("00000003")
	r.Reset = "watchdog"
	h.register(c, r)
	if all := h.boots(c); len(all) != 3 || all[0].Reset != "watchdog" {
		t.Errorf("it registered later: %+v", all)
	}
	h = h.again(plan{})
	c.URL, c.HTTP = h.server.URL, h.http
	if all := h.boots(c); len(all) != 3 || all[0].Name != "00000003" {
		t.Errorf("after a restart of Roost: %+v", all)
	}
	if err := h.door.Forget(t.Context(), ref(c)); err != nil {
		t.Fatal(err)
	}
	if left, err := h.rooms.Store.Boots(t.Context(), ref(c)); err != nil || len(left) != 0 {
		t.Errorf("left of a forgotten thing: %+v %v", left, err)
	}
}

func TestLast50StartsAreKept(t *testing.T) {
	h := build(t, plan{})
	c, other := h.board(""), h.board("")
	h.register(other, said(boot1))
	for i := range 55 {
		h.register(c, said(fmt.Sprintf("%08x", i)))
	}
	if all := h.boots(c); len(all) != 50 || all[0].Name != "00000036" || all[49].Name != "00000005" {
		t.Errorf("%d boots, the first %+v", len(all), all[0])
	}
	if all := h.boots(other); len(all) != 1 {
		t.Errorf("another's: %+v", all)
	}
}
