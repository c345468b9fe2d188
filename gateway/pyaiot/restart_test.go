package pyaiot

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/internal/roomtest"
)

// TestT20GatewayIsBackAfterTheBrokerRestarted: a played gateway that does what
// Pyaiot's does when its line ends: it dials again after a pause (3 s there) and says
// all that it knows. It must be told that the line has ended, and be let in again.
func TestT20GatewayIsBackAfterTheBrokerRestarted(t *testing.T) {
	first := build(t, nil)
	second := build(t, func(c *Config) { c.Keys = first.keys })
	var door atomic.Pointer[Door]
	door.Store(first.door)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door.Load().ServeGateway(w, r) }))
	defer front.Close()
	ctx, stop := context.WithCancel(t.Context())
	var playing sync.WaitGroup
	defer playing.Wait()
	defer stop()
	playing.Go(func() {
		for ctx.Err() == nil {
			conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(front.URL, "http"), &websocket.DialOptions{
				Subprotocols: []string{"token", first.keys.Token(time.Now())},
			})
			if err != nil {
				continue
			}
			for _, m := range []string{newText("A1", "all"), updateText("A1", "led", `"0"`, "all"), newText("B2", "all")} {
				_ = conn.Write(ctx, websocket.MessageText, []byte(m)) // reading tells
			}
			for err == nil {
				_, _, err = conn.Read(ctx)
			}
			_ = conn.CloseNow()
		}
	})
	first.client().Until(`"uid": "B2"`)
	door.Store(second.door)
	first.stop()
	roomtest.Eventually(t, "the gateway is back", func() bool { return second.door.Stats().Gateways == 1 })
	second.client().Until(`"uid": "B2"`)
	second.client().Until(`"endpoint": "led", "data": "0"`)
}
