package coap_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/coap"
)

// own posts from the port at which the node itself serves.
func (b *board) own(path, payload string) exchange.Response {
	b.t.Helper()
	a, err := b.end.Do(b.t.Context(), b.h.at, exchange.Post(path, []byte(payload)))
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func TestNodeThatServesAtThePortOfItsAlive(t *testing.T) {
	h := open(t)
	b := h.boardAt(t, "127.0.4.1:0").has("</led>")
	got := b.puts("/led", wire.Changed, "")
	taken(t, b.own("/alive", "alive:n1"), "alive:n1")
	if thing, _, _ := h.Registry.Get(ref("n1")); thing.Address != b.addr().String() {
		t.Errorf("before anything answered, address is %s", thing.Address)
	}
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 led=0")
	b.requests()
	if c := h.set(t, "n1", "led", `"1"`); c.State != roost.Done {
		t.Fatalf("command is %s: %q", c.State, c.Error)
	}
	if r := <-got; r.Remote != h.at {
		t.Errorf("the PUT came from %v", r.Remote)
	}
	h.want(t, "n1 led=1")
	taken(t, b.own("/alive", "alive:n1"), "alive:n1")
	if thing, _, _ := h.Registry.Get(ref("n1")); thing.Address != b.addr().String() {
		t.Errorf("address is %s", thing.Address)
	}
}

func TestSeveralNodesBehindOneAddress(t *testing.T) {
	h := open(t)
	var nodes [3]*board
	for i := range nodes {
		nodes[i] = h.boardAt(t, "127.0.4.2:0").has("</name>", "/name", fmt.Sprint("node ", i))
		taken(t, nodes[i].own("/alive", fmt.Sprint("alive:n", i)), fmt.Sprint("alive:n", i))
		h.until(t, fmt.Sprintf("n%d name=node %d", i, i))
	}
	for i, b := range nodes {
		taken(t, b.own("/server", "a:1"), "a:1")
		h.want(t, fmt.Sprintf("n%d a=1", i))
	}
	a := post(t, h, "127.0.4.2:0", "/server", "a:2")
	if a.Code != wire.BadRequest || !strings.Contains(string(a.Payload), "port of your alive") {
		t.Errorf("a value of nobody was answered %v %q", a.Code, a.Payload)
	}
}

func TestNewUIDFromTheSamePortReplacesTheOldOne(t *testing.T) {
	h := open(t)
	b := h.boardAt(t, "127.0.4.3:0").has("")
	taken(t, b.own("/alive", "alive:old"), "alive:old")
	h.want(t, introduced("old", b.host)...)
	taken(t, b.own("/alive", "alive:new"), "alive:new")
	h.want(t, "old offline")
	h.want(t, introduced("new", b.host)...)
	taken(t, b.own("/server", "a:1"), "a:1")
	h.want(t, "new a=1")
}

func TestNodeMovesToANewAddress(t *testing.T) {
	h := open(t)
	old := h.board(t, "127.0.4.4").has("</led>", "/led", "0")
	old.says("alive:n1")
	h.until(t, "n1 led=0")
	now := h.board(t, "127.0.4.5").has("</led>")
	now.puts("/led", wire.Changed, "")
	now.says("alive:n1")
	if got := h.until(t, "n1 ip=::ffff:127.0.4.5"); len(got) > 1 { // the registry tells of the address
		t.Errorf("before: %q", got)
	}
	taken(t, old.post("/server", "a:1"), "a:1") // nobody is there now
	now.pushes("a:2")
	h.want(t, "n1 a=2")
	old.requests()
	h.set(t, "n1", "led", `"1"`)
	h.want(t, "n1 led=1")
	if got := old.requests(); got != nil {
		t.Errorf("the old address was asked %q", got)
	}
	if got := now.requests(); !slices.Equal(got, []string{"PUT /led"}) {
		t.Errorf("the new address was asked %q", got)
	}
}

// Firmwares that cut their id may come to the same.
func TestTwoNodesClaimOneUID(t *testing.T) {
	h := open(t)
	a, b := h.board(t, "127.0.4.6").has(""), h.board(t, "127.0.4.7").has("")
	a.says("alive:twin")
	h.until(t, "twin protocol=CoAP")
	for range 5 {
		b.says("alive:twin")
		h.until(t, "twin ip=::ffff:127.0.4.7")
		b.pushes("from:b")
		h.want(t, "twin from=b")
		a.says("alive:twin")
		h.until(t, "twin ip=::ffff:127.0.4.6")
		a.pushes("from:a")
		h.want(t, "twin from=a")
	}
	if c := h.Registry.Count(roost.Home); c.Total != 1 || h.door.Stats().Nodes != 1 {
		t.Errorf("%d things, %d nodes", c.Total, h.door.Stats().Nodes)
	}
	if got := append(a.requests(), b.requests()...); len(got) > 1 {
		t.Errorf("discovered again and again: %q", got)
	}
}

func TestFullDirectoryTurnsNewNodesAway(t *testing.T) {
	h := open(t, func(_ *roomtest.Config, c *coap.Config) { c.MaxNodes = 2 })
	for i := range 2 {
		taken(t, post(t, h, fmt.Sprintf("127.0.4.%d:0", 10+i), "/alive", fmt.Sprint("alive:n", i)), fmt.Sprint("alive:n", i))
	}
	a := post(t, h, "127.0.4.20:0", "/alive", "alive:late")
	if age, _ := a.Options.Uint(wire.MaxAge); a.Code != wire.ServiceUnavailable || age == 0 {
		t.Errorf("answered %v %q, Max-Age %d", a.Code, a.Payload, age)
	}
	taken(t, post(t, h, "127.0.4.10:0", "/alive", "alive:n0"), "alive:n0")
}

func TestNodeOverIPv6(t *testing.T) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("skipped: no IPv6 on this machine: %v", err)
	}
	h := open(t, func(_ *roomtest.Config, c *coap.Config) { c.Conns = []exchange.Conn{conn} })
	node, err := net.DialUDP("udp6", nil, conn.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	m := wire.Message{Code: wire.POST, ID: 1, Payload: []byte("alive:six")}
	m.Options.SetPath("alive")
	if _, err := node.Write(m.Append(nil)); err != nil {
		t.Fatal(err)
	}
	h.want(t, "six online", "six ip=::1", "six protocol=CoAP")
}
