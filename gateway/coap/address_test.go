package coap

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"
)

// quiet is a door of which only the directory is used.
func quiet(cfg Config) *Door {
	d := &Door{started: time.Now(), cfg: cfg.withDefaults(), log: slog.New(slog.DiscardHandler), self: new(self)}
	d.nodes.init(d.cfg.MaxNodes)
	return d
}

func (d *Door) met(t *testing.T, remote, uid string) *node {
	t.Helper()
	v, err := d.nodes.visit(d, netip.MustParseAddrPort(remote), greeting{uid: uid}, d.now())
	if err != nil {
		t.Fatal(err)
	}
	return v.node
}

func ways(n *node) (list []string) {
	for _, w := range n.ways() {
		list = append(list, w.at.String())
	}
	return list
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestNodePortIsTriedFirstUnlessTheAddressIsShared(t *testing.T) {
	d := quiet(Config{})
	n := d.met(t, "10.0.0.7:49152", "n")
	equal(t, ways(n), "10.0.0.7:5683", "10.0.0.7:49152")
	m := d.met(t, "10.0.0.7:49153", "m")
	equal(t, ways(m), "10.0.0.7:49153", "10.0.0.7:5683")
	d.nodes.drop(m)
	equal(t, ways(n), "10.0.0.7:5683", "10.0.0.7:49152")
	n.worked(bySource)
	equal(t, ways(n), "10.0.0.7:49152")
	d.met(t, "10.0.0.7:50000", "n") // its greetings come from another port now
	equal(t, ways(n), "10.0.0.7:50000")
	equal(t, ways(d.met(t, "10.0.0.8:5683", "o")), "10.0.0.8:5683")
}

func TestLinkLocalNodesKeepTheirZone(t *testing.T) {
	d := quiet(Config{})
	n := d.met(t, "[fe80::1%lowpan0]:49152", "")
	equal(t, ways(n), "[fe80::1%lowpan0]:5683", "[fe80::1%lowpan0]:49152")
	if n.uid != "coap-fe80::1-lowpan0" {
		t.Errorf("id %q", n.uid)
	}
	if n.ip() != `"fe80::1"` {
		t.Errorf("ip %s", n.ip())
	}
	if d.met(t, "[fe80::1%lowpan1]:49152", "") == n {
		t.Error("the same address on another link is another node")
	}
}

func TestOwnSocketIsNoNode(t *testing.T) {
	d := quiet(Config{})
	d.self.local = netip.MustParseAddrPort("[::]:5683")
	equal(t, ways(d.met(t, "127.0.0.1:40000", "a")), "127.0.0.1:40000")
	equal(t, ways(d.met(t, "[::1]:40000", "b")), "[::1]:40000")
	equal(t, ways(d.met(t, "127.0.7.7:5683", "c")), "127.0.7.7:5683")
	equal(t, ways(d.met(t, "203.0.113.9:40000", "d")), "203.0.113.9:5683", "203.0.113.9:40000")
}

func TestDirectoryForgets(t *testing.T) {
	d := quiet(Config{})
	for i, at := range []string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.2:1"} {
		d.met(t, at, string(rune('a'+i)))
	}
	for _, n := range d.nodes.silentSince(d.now() + 1) {
		if d.nodes.drop(n) {
			t.Error("silentSince left a node in")
		}
	}
	if l := len(d.nodes.byUID) + len(d.nodes.byAddr) + len(d.nodes.byRemote) + len(d.nodes.waiting); l != 0 {
		t.Errorf("%d entries are left", l)
	}
}
