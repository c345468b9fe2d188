package agent_test

import (
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	wire "github.com/roost-iot/roost/wire/agent"
)

func TestWordOfVersionsThatWereNotOfferedCountsForNothing(t *testing.T) {
	h := build(t, plan{change: func(c *agent.Config) { c.Failures, c.Burst = 1, 10_000 }})
	a := h.app(map[string]string{"app.py": "a"})
	c, honest := h.board(a.ID), h.board(a.ID)
	r := said(boot1)
	next := h.commit(a, map[string]string{"app.py": "b"})
	r.Slots.App.Bad = []string{next, "1", "2"} // of what it was never given
	r.Slots.App.N = 1<<63 - 1
	h.register(c, r)
	for _, state := range []string{wire.Returned, wire.Refused, wire.Confirmed, wire.Held, wire.Installed, "noise"} {
		for _, version := range []string{next, "99", "1.2.0", "", strings.Repeat("9", 200)} {
			for _, kind := range []string{"app", "os", "noise", ""} {
				h.sync(c, wire.Sync{Update: &wire.Progress{Kind: kind, Ver: version, State: state, Why: "invented", Done: 1 << 60, Of: 1 << 61}})
			}
		}
	}
	r.Boot = boot2
	h.register(c, r)
	if all := h.door.Rollouts(roost.Home, a.ID); len(all) != 0 {
		t.Errorf("rollouts: %+v", all)
	}
	st, _, err := h.door.Agent(t.Context(), ref(c))
	if err != nil || len(st.Failures) != 0 || st.Agent.App.Version != "0" || st.OS.Version != "1.0.0" {
		t.Errorf("it is known as %+v, %v", st.Agent, err)
	}
	h.register(honest, said(boot1))
	h.until(honest, wire.Sync{}, "another gets it", func(a wire.Answer) bool { return a.Update != nil })
	h.sync(honest, wire.Sync{Update: &wire.Progress{Kind: "app", Ver: next, State: wire.Fetching, Done: 1 << 60, Of: 1 << 61}})
	if st, _, _ := h.door.Agent(t.Context(), ref(honest)); st.Offer == nil || st.Offer.State != roost.OfferFetching || st.Offer.Of > 1000 || st.Offer.Done > st.Offer.Of {
		t.Errorf("its offer: %+v", st.Offer)
	}
	h.sync(honest, wire.Sync{Update: &wire.Progress{Kind: "app", Ver: next, State: wire.Returned, Why: "it fails"}})
	if all := h.door.Rollouts(roost.Home, a.ID); len(all) != 1 || !all[0].Halted || all[0].Version != next {
		t.Errorf("one that was offered: %+v", all)
	}
}
