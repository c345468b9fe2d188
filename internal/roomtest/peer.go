package roomtest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
)

// Patience is how long a test waits for what must come.
const Patience = 30 * time.Second

// Soon ends after Patience.
func Soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}

// Eventually fails the test when ok never becomes true.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// Submit is what doors for people are given to send commands with.
func (r *Rooms) Submit(ctx context.Context, ref roost.Ref, resource string, v roost.Value, by string) error {
	_, err := r.Commands.Submit(ctx, command.Request{Ref: ref, Resource: resource, Value: v, By: by})
	return err
}

// Peer is whoever opens a WebSocket to a door: a node, a gateway, a page.
type Peer struct {
	Conn *websocket.Conn
	t    testing.TB
}

// Dial opens a WebSocket; the end of the test closes it.
func Dial(t testing.TB, url string, o *websocket.DialOptions) *Peer {
	t.Helper()
	ctx, stop := Soon()
	defer stop()
	conn, resp, err := websocket.Dial(ctx, url, o) //nolint:bodyclose // Dial does
	if err != nil {
		t.Fatalf("dial %s: %v", url, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("dial %s: %s", url, resp.Status)
	}
	t.Cleanup(func() { _ = conn.CloseNow() }) // may be closed already
	return NewPeer(t, conn)
}

// NewPeer makes a peer of a connection that the test opened by itself.
func NewPeer(t testing.TB, conn *websocket.Conn) *Peer {
	conn.SetReadLimit(-1)
	return &Peer{Conn: conn, t: t}
}

// Send writes a text message.
func (p *Peer) Send(text string) {
	p.t.Helper()
	ctx, stop := Soon()
	defer stop()
	if err := p.Conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatalf("send %s: %v", text, err)
	}
}

// Next waits for a text message.
func (p *Peer) Next() string {
	p.t.Helper()
	ctx, stop := Soon()
	defer stop()
	kind, b, err := p.Conn.Read(ctx)
	if err != nil || kind != websocket.MessageText {
		p.t.Fatalf("no message: %v", err)
	}
	return string(b)
}

// Until skips messages up to one that holds part.
func (p *Peer) Until(part string) {
	p.t.Helper()
	for !strings.Contains(p.Next(), part) { //nolint:revive // Next ends the test when nothing comes
	}
}

// Want takes the next messages and compares them byte for byte.
func (p *Peer) Want(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if got := p.Next(); got != text {
			p.t.Fatalf("got  %s\nwant %s", got, text)
		}
	}
}

// WantClose reads until the end and gives the close code and reason.
func (p *Peer) WantClose() websocket.CloseError {
	p.t.Helper()
	ctx, stop := Soon()
	defer stop()
	for {
		if _, _, err := p.Conn.Read(ctx); err != nil {
			var closed websocket.CloseError
			if !errors.As(err, &closed) {
				p.t.Fatalf("no close frame: %v", err)
			}
			return closed
		}
	}
}
