package pyaiot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

func TestT10NewAndUpdateReachAnAnnouncedClient(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	messages := []string{
		`{"type": "new", "uid": "ABCDEF012345678", "dst": "all"}`,
		`{"type": "update", "uid": "ABCDEF012345678", "endpoint": "temperature", "data": "24.1°C", "dst": "all"}`,
	}
	for _, m := range messages {
		gw.Send(m)
	}
	client.Want(messages...)
}

func TestT11UpdateForOneClient(t *testing.T) {
	h := build(t, nil)
	one := h.client()
	id := h.clientIDs()[0]
	two, gw := h.client(), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	direct := fmt.Sprintf(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "0", "dst": "%s"}`, id)
	gw.Send(direct)
	gw.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "0", "dst": "nobody"}`)
	again := fmt.Sprintf(`{"type": "new", "uid": "n1", "dst": "%s"}`, id)
	gw.Send(again)
	one.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, direct, again)
	two.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	h.fence(gw, one, two)
	if _, rs, _ := h.registry.Get(roost.Ref{Project: roost.Home, Thing: "n1"}); len(rs) != 0 {
		t.Errorf("a value for one client was recorded: %v", rs)
	}
}

func TestT12UnannouncedNodesAreSilent(t *testing.T) {
	h := build(t, nil)
	client, gw, other := h.client(), h.gateway(), h.gateway()
	other.Send(`{"type": "new", "uid": "theirs", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "theirs", "dst": "all"}`)
	for _, m := range []string{
		`{"type": "update", "uid": "theirs", "endpoint": "led", "data": "0", "dst": "all"}`,
		`{"type": "update", "uid": "nobody", "endpoint": "led", "data": "0", "dst": "all"}`,
		`{"type": "update", "uid": "nobody"}`,
		`{"type": "out", "uid": "theirs"}`, `{"type": "out", "uid": "nobody"}`,
		`{"type": "reset", "uid": "theirs"}`, `{"type": "reset", "uid": "nobody"}`, `{"type": "reset"}`,
	} {
		gw.Send(m)
	}
	h.fence(gw, client)
}

func TestT13KeepAlive(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	gw.Send(`{"type": "update", "uid": "alive"}`)
	h.fence(gw, client)
}

func TestT14ResetReachesAllClients(t *testing.T) {
	h := build(t, nil)
	gw := h.gateway()
	one, two := h.client(), h.client()
	before := []string{
		`{"type": "new", "uid": "n1", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "ip", "data": "fd00::11", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "CoAP", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`,
		`{"type": "reset", "uid": "n1"}`,
	}
	for _, m := range before {
		gw.Send(m)
	}
	for _, p := range []*roomtest.Peer{one, two} {
		p.Want(before...)
		p.Want(before[1:3]...) // what the node is does not go with its values
	}
	h.fence(gw, one, two)
	_, rs, _ := h.registry.Get(roost.Ref{Project: roost.Home, Thing: "n1"})
	if len(rs) != 2 || rs[0].Name != "ip" || rs[1].Name != "protocol" {
		t.Errorf("after the reset: %v", rs)
	}
}

func TestT15NodesOfALostGatewayAreOutOnce(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	for _, uid := range []string{"M1", "M2", "M1"} {
		gw.Send(`{"type": "new", "uid": "` + uid + `", "dst": "all"}`)
	}
	client.Want(`{"type": "new", "uid": "M1", "dst": "all"}`, `{"type": "new", "uid": "M2", "dst": "all"}`)
	if err := gw.Conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	client.Want(`{"type": "out", "uid": "M1"}`, `{"type": "out", "uid": "M2"}`)
	h.fence(h.gateway(), client)
}

func TestT16NodeOfTwoGatewaysIsOutWithTheSecond(t *testing.T) {
	h := build(t, nil)
	client, one, two := h.client(), h.gateway(), h.gateway()
	const announce = `{"type": "new", "uid": "M1", "dst": "all"}`
	one.Send(announce)
	client.Want(announce)
	two.Send(announce)
	h.fence(two, client)
	if err := one.Conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "one gateway is left", func() bool { return h.door.Stats().Gateways == 1 })
	update := `{"type": "update", "uid": "M1", "endpoint": "led", "data": "1", "dst": "all"}`
	two.Send(update)
	client.Want(update)
	two.Send(`{"type": "out", "uid": "M1"}`)
	client.Want(`{"type": "out", "uid": "M1"}`)
}

func TestNodesOutliveAShortLossOfTheirGateway(t *testing.T) {
	h := build(t, func(c *Config) { c.Grace = time.Minute })
	client, gw := h.client(), h.gateway()
	gw.Send(`{"type": "new", "uid": "M1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "M1", "dst": "all"}`)
	if err := gw.Conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "the gateway is gone", func() bool { return h.door.Stats().Gateways == 0 })
	gw = h.gateway()
	gw.Send(`{"type": "new", "uid": "M1", "dst": "all"}`)
	update := `{"type": "update", "uid": "M1", "endpoint": "led", "data": "1", "dst": "all"}`
	gw.Send(update)
	client.Want(update) // neither out nor new before it
}

// malformed is every row of the table of refusals: what is sent and the reason of
// the 1003 that ends the connection.
var malformed = []struct{ text, reason string }{
	{`hello`, `Invalid message received 'hello'. Only JSON format is supported..`},
	{`{bad json`, `Invalid message received '{bad json'. Only JSON format is supported..`},
	{`123`, `Invalid message '123'..`},
	{`true`, `Invalid message 'True'..`},
	{`null`, `None.`},
	{`"hello"`, `Invalid message 'hello'..`},
	{`[1]`, `Invalid message '[1]'..`},
	{`{}`, `Invalid message '{}'..`},
	{`"a type"`, `Invalid message 'a type'..`},
	{`["data"]`, `Invalid message '['data']'..`},
	{`{"data": "x"}`, `Invalid message '{'data': 'x'}'..`},
	{`{"type": "test"}`, `Invalid message type 'test'..`},
	{strings.Repeat("x", 200), `Invalid message received '` + strings.Repeat("x", 97)},
	{`{"type": "new", "data": NaN}`, `Invalid message received '{"type": "new", "data": NaN}'. Only JSON format is supported..`},
	{`{"type": "gateway", "data": "alive"}`, `Invalid message type 'gateway'..`},
}

func TestT17MalformedMessagesOfGateways(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	rows := append(malformed[:len(malformed):len(malformed)], []struct{ text, reason string }{
		{`{"type": "new", "uid": "x"}`, `Invalid message '{'type': 'new', 'uid': 'x'}'..`},
		{`{"type": "new", "dst": "all"}`, `Invalid message '{'type': 'new', 'dst': 'all'}'..`},
		{`{"type": "new", "uid": 7, "dst": "all"}`, `Invalid message '{'type': 'new', 'uid': 7, 'dst': 'all'}'..`},
		{`{"type": "out"}`, `Invalid message '{'type': 'out'}'..`},
		{`{"type": "update", "endpoint": "led", "data": 1, "dst": "all"}`, `Invalid message '{'type': 'update', 'endpoint': 'led', 'data': 1, 'dst': 'all'}'..`},
	}...)
	for _, row := range rows {
		bad := h.gateway()
		bad.Send(row.text)
		if got := bad.WantClose(); got.Code != 1003 || got.Reason != row.reason {
			t.Errorf("%s\n got %d %s\nwant %s", row.text, got.Code, got.Reason, row.reason)
		}
	}
	bad := h.gateway()
	bad.Send(`{"type": "new", "uid": "fence", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "fence", "dst": "all"}`)
	bad.Send(`{"type": "update", "uid": "fence", "endpoint": "led", "data": 1}`) // announced, and no dst
	if got := bad.WantClose(); got.Code != 1003 {
		t.Errorf("update without dst: %v", got)
	}
	client.Want(`{"type": "out", "uid": "fence"}`)
	h.fence(gw, client)
}

func TestMalformedMessagesOfClients(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	for _, row := range malformed {
		bad := h.dial("/ws", nil)
		bad.Send(row.text)
		if got := bad.WantClose(); got.Code != 1003 || got.Reason != row.reason {
			t.Errorf("%s\n got %d %s\nwant %s", row.text, got.Code, got.Reason, row.reason)
		}
	}
	h.fence(gw, client)
}

func TestT18ValuesKeepTheirDigits(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	messages := []string{
		`{"type": "new", "uid": "n1", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "n", "data": {"n": [1, 2.5, null, true, 12345678901234567890]}, "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "f", "data": 1.10, "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "e", "data": [], "dst": "all"}`,
	}
	for _, m := range messages {
		gw.Send(m)
	}
	client.Want(messages...)
}

func TestT19TextArrivesUnchanged(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	messages := []string{
		`{"type": "new", "uid": "n1", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "a", "data": "é°𝄞\u0000 \"\\\n", "dst": "all"}`,
	}
	for _, m := range messages {
		gw.Send(m)
	}
	client.Want(messages...)
	gw.Send(`{"type":"update","uid":"n1","endpoint":"a","data":"\u00e9\/","dst":"all"}`)
	client.Want(`{"type": "update", "uid": "n1", "endpoint": "a", "data": "é/", "dst": "all"}`)
}
