package ws

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

const discover = `{"request": "discover"}`

func home(id string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)} }

func update(uid, endpoint, data string) string {
	return `{"type": "update", "uid": "` + uid + `", "endpoint": "` + endpoint + `", "data": ` + data + `, "dst": "all"}`
}

func TestT65NodeIsAnnouncedAndAsked(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	node := h.dial("/node", nil)
	if got := node.Next(); got != discover || len(got) != 23 {
		t.Errorf("the node got %q", got)
	}
	client.Want(`{"type": "new", "uid": "ws-127.0.0.1", "dst": "all"}`, update("ws-127.0.0.1", "protocol", `"WebSocket"`))
}

// TestT66 plays Pyaiot's test node: it says all about itself when asked, and its LED follows.
func TestT66NodeAnswersAndFollows(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	node := h.dial("/node?id=n1", nil)
	const all = `{"type": "update", "data": {"node": "fd00:aaaa:bbbb::1", "name": "websocket", "led": "0", "os": "riot"}}`
	node.Send(all) // of its own accord, before it was asked
	node.Want(discover)
	node.Send(all)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, update("n1", "protocol", `"WebSocket"`))
	for range 2 {
		client.Want(update("n1", "node", `"fd00:aaaa:bbbb::1"`), update("n1", "name", `"websocket"`), update("n1", "led", `"0"`), update("n1", "os", `"riot"`))
	}
	client.Send(`{"type":"update","data":{"uid":"n1","endpoint":"led","payload":"1"}}`)
	node.Want(`{"endpoint": "led", "payload": "1"}`)
	node.Send(`{"type": "update", "data": {"led": "1"}}`)
	client.Want(update("n1", "led", `"1"`))
}

func TestT67WriteHasEndpointAndPayloadOnly(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	node := h.dial("/node?id=n1", nil)
	node.Want(discover)
	client.Until("WebSocket")
	for _, payload := range []string{`"é"`, `5`, `{"a": [1.50]}`, `true`} {
		client.Send(`{"type":"update","data":{"uid":"n1","endpoint":"led","payload":` + payload + `}}`)
		want := strings.Replace(payload, "é", `\u00e9`, 1)
		node.Want(`{"endpoint": "led", "payload": ` + want + `}`)
		node.Send(`{"type": "update", "data": {"led": ` + payload + `}}`) // or the next one waits
		client.Want(update("n1", "led", payload))
	}
}

func TestT68NodeThatClosesIsOutAtOnce(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	for _, end := range []func(*websocket.Conn) error{
		func(c *websocket.Conn) error { return c.Close(websocket.StatusNormalClosure, "") },
		func(c *websocket.Conn) error { return c.CloseNow() },
	} {
		node := h.dial("/node?id=n1", nil)
		node.Want(discover)
		client.Until("WebSocket")
		if err := end(node.Conn); err != nil {
			t.Fatal(err)
		}
		wantOut(t, client, "n1")
	}
}

// wantOut takes the out of a thing. One that is here again was announced with what it
// told before, and then told the same anew: whether that shows once or twice is not set.
func wantOut(t *testing.T, p *roomtest.Peer, uid string) {
	t.Helper()
	out := `{"type": "out", "uid": "` + uid + `"}`
	for got := p.Next(); got != out; got = p.Next() {
		if got != update(uid, "protocol", `"WebSocket"`) {
			t.Fatalf("got  %s\nwant %s", got, out)
		}
	}
}

func TestT69GarbageEndsTheConnection(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	for _, row := range []struct{ text, reason string }{
		{`hello`, `Invalid message received 'hello'. Only JSON format is supported..`},
		{`null`, `None.`},
		{`{}`, `Invalid message '{}'..`},
		{`{"type": "test", "data": {}}`, `Invalid message type 'test'..`},
		{`{"type": "update"}`, `Invalid message '{'type': 'update'}'..`},
		{`{"type": "update", "data": "led"}`, `Invalid message '{'type': 'update', 'data': 'led'}'..`},
		{`{"type": "update", "data": {"led": NaN}}`, `Invalid message received '{"type": "update", "data": {"led": NaN}}'. Only JSON format is supported..`},
	} {
		node := h.dial("/node?id=n1", nil)
		node.Want(discover)
		client.Until("WebSocket")
		node.Send(row.text)
		wantOut(t, client, "n1")
		if got := node.WantClose(); got.Code != 1003 || got.Reason != row.reason {
			t.Errorf("%s: %d %s", row.text, got.Code, got.Reason)
		}
		roomtest.Eventually(t, "the node is gone", func() bool { return h.door.Stats().Nodes == 0 })
	}
}

func TestOtherMessagesOfNodesAreIgnored(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	node := h.dial("/node?id=n1", nil)
	node.Want(discover)
	for _, m := range []string{`{"type": "new", "uid": "x", "dst": "all"}`, `{"type": "out", "uid": "n1"}`, `{"type": "reset", "uid": "n1"}`, `{"type": "update", "data": {}}`} {
		node.Send(m)
	}
	node.Send(`{"type": "update", "data": {"n": [1, 2.50], "s": null}}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, update("n1", "protocol", `"WebSocket"`), update("n1", "n", `[1, 2.50]`), update("n1", "s", `null`))
}

func TestWaitingNodeIsInSilenceUntilApproval(t *testing.T) {
	denied := make(chan struct{}, 1)
	h := build(t, registry.EnrolApprove, func(c *Config) { c.Core = &spy{c.Core, denied} })
	client := h.client()
	node := h.dial("/node?id=n1", nil)
	node.Send(`{"type": "update", "data": {"led": "0"}}`)
	<-denied
	if h.registry.Count(roost.Home).Waiting != 1 {
		t.Error("it does not wait")
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, err := h.board.Approve(ctx, home("n1"), "ada"); err != nil {
		t.Fatal(err)
	}
	node.Want(discover) // the first it hears
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, update("n1", "protocol", `"WebSocket"`))
	node.Send(`{"type": "update", "data": {"led": "1"}}`)
	client.Want(update("n1", "led", `"1"`))
}

func TestRefreshAsksAgain(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	node := h.dial("/node?id=n1", nil)
	node.Want(discover)
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.board.Deliver(ctx, roost.Command{Ref: home("n1"), Kind: roost.Refresh}); err != nil {
		t.Fatal(err)
	}
	node.Want(discover)
}

func TestNodesOfOneAddressGetTheLowestFreeName(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	online := func(id string, want bool) {
		t.Helper()
		roomtest.Eventually(t, id, func() bool { th, _, _ := h.registry.Get(home(id)); return th.Online == want })
	}
	var nodes []*roomtest.Peer
	for _, id := range []string{"ws-127.0.0.1", "ws-127.0.0.1-2", "ws-127.0.0.1-3"} {
		nodes = append(nodes, h.dial("/node", nil))
		online(id, true)
	}
	if err := nodes[1].Conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	online("ws-127.0.0.1-2", false)
	roomtest.Eventually(t, "its name is free", func() bool { return h.door.Stats().Nodes == 2 })
	h.dial("/node", nil)
	online("ws-127.0.0.1-2", true)
}

func TestSecondConnectionOfAnIDTakesOver(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	old := h.dial("/node?id=n1", nil)
	old.Want(discover)
	client.Until("WebSocket")
	node := h.dial("/node?id=n1", nil)
	node.Want(discover)
	if got := old.WantClose(); got.Code != websocket.StatusPolicyViolation {
		t.Errorf("%v", got)
	}
	roomtest.Eventually(t, "the old one is gone", func() bool { return h.door.Stats().Nodes == 1 })
	client.Send(`{"type":"update","data":{"uid":"n1","endpoint":"led","payload":"1"}}`)
	node.Want(`{"endpoint": "led", "payload": "1"}`)
	client.Want(update("n1", "protocol", `"WebSocket"`)) // and no out
}

func TestClosedEnrolmentRefusesNodes(t *testing.T) {
	h := build(t, registry.EnrolClosed, nil)
	node := h.dial("/node?id=n1", nil)
	if got := node.WantClose(); got.Code != websocket.StatusPolicyViolation || !strings.Contains(got.Reason, "n1") {
		t.Errorf("%v", got)
	}
}

func TestDeletedNodeIsCutOff(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	node := h.dial("/node?id=n1", nil)
	node.Want(discover)
	roomtest.Eventually(t, "it is attached", func() bool {
		ctx, stop := roomtest.Soon()
		defer stop()
		return h.board.Deliver(ctx, roost.Command{Ref: home("n1"), Kind: roost.Refresh}) == nil
	})
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.board.Forget(ctx, home("n1")); err != nil {
		t.Fatal(err)
	}
	if got := node.WantClose(); got.Code != websocket.StatusPolicyViolation {
		t.Errorf("%v", got)
	}
}

func TestSilentNodeIsPingedThenLost(t *testing.T) {
	h := build(t, registry.EnrolOpen, func(c *Config) { c.Ping, c.Dead = 100*time.Millisecond, 2*time.Second })
	client := h.client()
	lively := h.dial("/node?id=lively", nil)
	lively.Want(discover)
	client.Until("WebSocket")
	go func() { // reading answers pings
		ctx, stop := roomtest.Soon()
		defer stop()
		_, _, _ = lively.Conn.Read(ctx)
	}()
	deaf := h.dial("/node?id=deaf", nil) // never reads
	client.Want(`{"type": "new", "uid": "deaf", "dst": "all"}`, update("deaf", "protocol", `"WebSocket"`), `{"type": "out", "uid": "deaf"}`)
	if th, _, _ := h.registry.Get(home("lively")); !th.Online {
		t.Error("a node that answers pings was lost")
	}
	_ = deaf.Conn.CloseNow()
}

func TestNodeLimits(t *testing.T) {
	h := build(t, registry.EnrolOpen, func(c *Config) { c.MaxNodes = 1 })
	node := h.dial("/node", nil)
	node.Want(discover)
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, resp, err := websocket.Dial(ctx, h.url+"/node", nil); err == nil || resp.StatusCode != 503 {
		t.Errorf("a second node: %v", err)
	}
	big, err := json.Marshal(map[string]any{"type": "update", "data": map[string]string{"x": strings.Repeat("x", 64<<10)}})
	if err != nil {
		t.Fatal(err)
	}
	node.Send(string(big))
	if got := node.WantClose(); got.Code != websocket.StatusMessageTooBig {
		t.Errorf("%v", got)
	}
}

func TestShutdownSaysGoingAway(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	node := h.dial("/node?id=n1", nil)
	node.Want(discover)
	done := make(chan struct{})
	go func() { h.stop(); close(done) }()
	if got := node.WantClose(); got.Code != websocket.StatusGoingAway {
		t.Errorf("%v", got)
	}
	<-done
	if h.registry.Count(roost.Home).Online != 0 {
		t.Error("n1 is online although Roost has stopped")
	}
}

// cutting is a Core whose nodes go the moment they are let in.
type cutting struct{ gateway.Core }

func (c cutting) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	s, err := c.Core.Arrive(ctx, a)
	_ = a.Link.(*node).conn.Abort()
	return s, err
}

func TestNodeThatGoesWhileItIsLetInIsOffline(t *testing.T) {
	h := build(t, registry.EnrolOpen, func(c *Config) { c.Core = cutting{c.Core} })
	h.dial("/node?id=n1", nil)
	roomtest.Eventually(t, "the node is known", func() bool { _, _, ok := h.registry.Get(home("n1")); return ok })
	roomtest.Eventually(t, "the node is offline", func() bool { n1, _, _ := h.registry.Get(home("n1")); return !n1.Online })
}
