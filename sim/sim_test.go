package sim_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/wire/coap"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const patience = time.Minute

// post is what a CoAP node sent to the gateway.
type post struct {
	from    netip.AddrPort
	typ     coap.Type
	path    string
	payload string
}

// coapGateway is a gateway that writes down what it is told.
type coapGateway struct {
	*exchange.Endpoint
	addr  string
	posts chan post
	code  coap.Code // answered to /alive
}

func startCoAP(t *testing.T, code coap.Code) *coapGateway {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	g := &coapGateway{addr: conn.LocalAddr().String(), posts: make(chan post, 1<<12), code: code}
	g.Endpoint = exchange.New(conn, exchange.Config{Readers: 1, Duplicates: 64, Handler: g.handle})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = g.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended; _ = conn.Close() })
	return g
}

func (g *coapGateway) handle(_ context.Context, r *exchange.Request) exchange.Response {
	select {
	case g.posts <- post{r.Remote, r.Type, r.Options.Path(), string(r.Payload)}:
	default:
	}
	if r.Options.PathIs("alive") {
		return exchange.Response{Code: g.code}
	}
	return exchange.Response{Code: coap.Changed}
}

// next waits for a post that begins with that text.
func (g *coapGateway) next(t *testing.T, path, prefix string) post {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case p := <-g.posts:
			if p.path == path && strings.HasPrefix(p.payload, prefix) {
				return p
			}
		case <-late:
			t.Fatalf("no %s %s… came", path, prefix)
		}
	}
}

// do asks a node.
func (g *coapGateway) do(t *testing.T, node netip.AddrPort, r *exchange.Request) exchange.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a, err := g.Do(ctx, node, r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Code, r.Options.Path(), err)
	}
	return a
}

// run plays a fleet until the test ends; the returned function ends it earlier.
func run(t *testing.T, f *sim.Fleet) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("fleet ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// wsGateway takes WebSocket nodes.
type wsGateway struct {
	addr  string
	nodes chan *wsPeer
}

// wsPeer is a node at the gateway's end.
type wsPeer struct {
	*websocket.Conn
	id  string
	end chan struct{}
}

func startWS(t *testing.T) *wsGateway {
	t.Helper()
	g := &wsGateway{nodes: make(chan *wsPeer, 64)}
	stop := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/node" {
			http.NotFound(w, r)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		p := &wsPeer{c, r.URL.Query().Get("id"), make(chan struct{})}
		g.nodes <- p
		select {
		case <-p.end:
		case <-stop:
		}
		_ = c.CloseNow()
	}))
	g.addr = s.Listener.Addr().String()
	t.Cleanup(func() { close(stop); s.Close() })
	return g
}

func (g *wsGateway) next(t *testing.T) *wsPeer {
	t.Helper()
	select {
	case p := <-g.nodes:
		return p
	case <-time.After(patience):
		t.Fatal("no node connected")
		return nil
	}
}

func (p *wsPeer) say(t *testing.T, text string) {
	t.Helper()
	if err := p.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// hear waits for a message that contains that text.
func (p *wsPeer) hear(t *testing.T, part string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, b, err := p.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", part, err)
		}
		if strings.Contains(string(b), part) {
			return string(b)
		}
	}
}
