package coap_test

import (
	"slices"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/internal/roomtest"
)

func presence(d time.Duration) option {
	return func(r *roomtest.Config, c *coap.Config) { r.Registry.Presence, c.Presence = d, d }
}

func TestT46SilentNodesAreLostOnceEach(t *testing.T) {
	h := open(t, presence(5*time.Second))
	b := h.board(t, "127.0.6.1").has("")
	b.says("alive:n1")
	b.says("alive:n2") // the same address
	other := h.board(t, "127.0.6.2").has("")
	other.says("alive:n3")
	keep := h.board(t, "127.0.6.3").has("")
	keep.says("alive:stays")
	var lost []string
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) && h.door.Stats().Nodes > 1 {
		<-tick.C
		keep.pushes("a:1") // a value is a sign of life
	}
	keep.pushes("end:1")
	for _, e := range h.until(t, "stays end=1") {
		if e == "n1 offline" || e == "n2 offline" || e == "n3 offline" || e == "stays offline" {
			lost = append(lost, e)
		}
	}
	slices.Sort(lost)
	if want := []string{"n1 offline", "n2 offline", "n3 offline"}; !slices.Equal(lost, want) {
		t.Errorf("lost: %q", lost)
	}
	if n := h.door.Stats().Nodes; n != 1 {
		t.Errorf("the door knows %d nodes", n)
	}
	b.says("alive:n1") // and it is back, as new
	h.want(t, introduced("n1", b.host)...)
	if c := h.Registry.Count(roost.Home); c.Online != 2 {
		t.Errorf("%d online", c.Online)
	}
}
