package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/agent"
)

func TestNewKeyEndsASyncThatWaits(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	set := h.register(c, said(boot1)).Settings.Tag
	over := make(chan error, 1)
	go func() {
		_, err := c.Sync(t.Context(), wire.Sync{Boot: boot1, Set: set, Wait: 25, Mem: 777})
		over <- err
	}()
	roomtest.Eventually(t, "the sync is here", func() bool {
		a, _, err := h.door.Agent(t.Context(), ref(c))
		return err == nil && a.Memory == 777
	})
	key, err := h.door.NewKey(t.Context(), ref(c))
	if err != nil {
		t.Fatal(err)
	}
	h.submit(c, roost.Tell, "", `{"secret":1}`)
	if code, state := status(<-over); code != 401 || state != wire.StateHello {
		t.Errorf("the sync of the old key ended with %d %s", code, state)
	}
	c.Key = key
	if err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := h.sync(c, wire.Sync{Set: set}); len(a.Commands) != 1 {
		t.Errorf("the new key gets %v", a.Commands)
	}
}

func TestUpdatesOfNoKindAreNotKept(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	for i := range 5 {
		kind := fmt.Sprintf("kind %d", i)
		h.sync(c, wire.Sync{Update: &wire.Progress{Kind: kind, Ver: "1", State: wire.Returned, Why: "no"}})
	}
	a, _, err := h.door.Agent(t.Context(), ref(c))
	if err != nil || len(a.Failures) != 0 || a.Offer != nil {
		t.Errorf("kept %v, offer %v: %v", a.Failures, a.Offer, err)
	}
}

func TestCrashOfAWrongClockIsOfNow(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	h.sync(c, wire.Sync{Queue: []wire.Entry{{At: 1 << 51, Kind: wire.EntryLog, Body: `["error","x","Traceback (most recent call last):\nValueError: far"]`}}})
	all, err := h.door.Crashes(t.Context(), roost.Home, "", "", false, 0)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v: %v", all, err)
	}
	if g := all[0]; g.Last.After(time.Now()) || g.App != "" || !strings.Contains(g.Error, "far") {
		t.Errorf("the crash: %+v", g)
	}
}
