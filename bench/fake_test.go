package bench

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/wire/coap"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// The test binary also plays the server that a Suite starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		serveFake()
		return
	}
	leaktest.Main(m)
}

// fake is a small broker and gateway: what comes in goes to everybody.
type fake struct {
	web, coap string
	keys      wire.Keys
	end       *exchange.Endpoint

	mu     sync.Mutex
	pages  map[chan string]bool // true: a live stream
	byUID  map[string]netip.AddrPort
	byAddr map[netip.AddrPort]string
	told   int // updates so far
	losing int // so many updates are told before two are lost; 0: none is
}

const fakeToken = "rst_fake"

// startFake serves on two ports until the returned function is called.
func startFake(web, udp string, keys wire.Keys) (*fake, func(), error) {
	l, err := net.Listen("tcp4", web)
	if err != nil {
		return nil, nil, err
	}
	c, err := net.ListenPacket("udp4", udp)
	if err != nil {
		return nil, nil, err
	}
	f := &fake{
		web: l.Addr().String(), coap: c.LocalAddr().String(), keys: keys,
		pages: map[chan string]bool{}, byUID: map[string]netip.AddrPort{}, byAddr: map[netip.AddrPort]string{},
	}
	f.end = exchange.New(c.(*net.UDPConn), exchange.Config{Handler: f.answer, Duplicates: 1 << 10})
	ctx, stop := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/gw", f.gateway)
	mux.HandleFunc("/node", f.node)
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) { f.page(ctx, w, r, false) })
	mux.HandleFunc("/api/v2/stream", func(w http.ResponseWriter, r *http.Request) { f.page(ctx, w, r, true) })
	s := &http.Server{Handler: mux} //nolint:gosec // for tests on this machine
	var work sync.WaitGroup
	work.Go(func() { _ = s.Serve(l) })
	work.Go(func() { _ = f.end.Run(ctx) })
	return f, func() {
		stop()
		_ = s.Close()
		work.Wait()
		_ = c.Close()
	}, nil
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f, stop, err := startFake("127.0.0.1:0", "127.0.0.1:0", wire.GenerateKeys())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return f
}

// tell gives an update to every page and live stream.
func (f *fake) tell(uid, name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told++
	if f.losing > 0 && (f.told == f.losing+1 || f.told == f.losing+2) {
		return
	}
	update := string(wire.AppendUpdate(nil, uid, name, value, wire.All))
	reading := fmt.Sprintf(`{"type":"reading","seq":7,"thing":%q,"resource":%q,"value":%s,"kind":"number","unit":"%%","at":1}`, uid, name, value)
	for page, live := range f.pages {
		text := update
		if live {
			text = reading
		}
		select {
		case page <- text:
		default:
		}
	}
}

func (f *fake) page(ctx context.Context, w http.ResponseWriter, r *http.Request, live bool) {
	if live && r.URL.Query().Get("access_token") != fakeToken {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow() //nolint:errcheck // the test is over
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := make(chan string, 1<<12)
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.pages, out)
	}()
	go func() {
		for {
			select {
			case text := <-out:
				if c.Write(ctx, websocket.MessageText, []byte(text)) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		_, b, err := c.Read(ctx)
		if err != nil {
			return
		}
		m, err := wire.Parse(b)
		switch {
		case live || (err == nil && m.Type == wire.New):
			f.mu.Lock()
			f.pages[out] = live
			for uid := range f.byUID { // as if it had been discovered
				out <- string(wire.AppendUpdate(nil, uid, "led", `"0"`, wire.All))
			}
			f.mu.Unlock()
		case err == nil && m.Type == wire.Update:
			f.command(ctx, m.Data)
		}
	}
}

// command sets a resource of a CoAP node, and tells when it is done.
func (f *fake) command(ctx context.Context, data []byte) {
	c, ok := wire.ParseCommand(data)
	if !ok {
		return
	}
	f.mu.Lock()
	at := f.byUID[c.UID]
	f.mu.Unlock()
	a, err := f.end.Do(ctx, at, exchange.Put("/"+c.Endpoint, []byte(strings.Trim(c.Payload, `"`))))
	if err == nil && a.Code == coap.Changed {
		f.tell(c.UID, c.Endpoint, c.Payload)
	}
}

func (f *fake) gateway(w http.ResponseWriter, r *http.Request) {
	word, token, _ := strings.Cut(r.Header.Get("Sec-WebSocket-Protocol"), ",")
	if word != "token" || f.keys.CheckToken(token) != nil {
		http.Error(w, "Invalid token", http.StatusUnauthorized)
		return
	}
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow() //nolint:errcheck // the test is over
	for {
		_, b, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if m, err := wire.Parse(b); err == nil && m.Type == wire.Update {
			f.tell(string(m.UID), string(m.Endpoint), string(m.Data))
		}
	}
}

func (f *fake) node(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow() //nolint:errcheck // the test is over
	_ = c.Write(r.Context(), websocket.MessageText, []byte(wire.Discover))
	for {
		_, b, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if m, err := wire.Parse(b); err == nil {
			pairs, _ := wire.Pairs(m.Data)
			for _, p := range pairs {
				f.tell(r.URL.Query().Get("id"), p.Name, p.Value)
			}
		}
	}
}

// answer is the CoAP gateway.
func (f *fake) answer(_ context.Context, r *exchange.Request) exchange.Response {
	word, rest, _ := strings.Cut(string(r.Payload), ":")
	switch {
	case r.Options.PathIs("alive"):
		f.mu.Lock()
		f.byUID[rest], f.byAddr[r.Remote] = r.Remote, rest
		f.mu.Unlock()
	case r.Options.PathIs("server"):
		f.mu.Lock()
		uid := f.byAddr[r.Remote]
		f.mu.Unlock()
		f.tell(uid, word, `"`+rest+`"`)
	case r.Options.PathIs("example"):
	default:
		return exchange.Response{Code: coap.NotFound}
	}
	return exchange.Response{Code: coap.Changed}
}

// serveFake is "roost serve" in miniature.
func serveFake() {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	data, web, udp := flags.String("data", "", ""), flags.String("http", "", ""), flags.String("coap", "", "")
	keyFile := flags.String("key-file", "", "")
	mqttAt, snAt := flags.String("mqtt", "", ""), flags.String("mqttsn", "", "")
	for _, other := range []string{"mqtt-anonymous", "enrol", "pyaiot-clients", "log-level"} {
		flags.String(other, "", "")
	}
	_ = flags.Parse(os.Args[2:])
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	keys, err := wire.LoadKeys(*keyFile)
	must(err)
	must(os.MkdirAll(filepath.Join(*data, "secrets"), 0o700))
	local, err := json.Marshal(map[string]string{"url": "http://" + *web, "token": fakeToken})
	must(err)
	must(os.WriteFile(filepath.Join(*data, "secrets", "local.json"), local, 0o600))
	broker, err := startFakeMQTT(*mqttAt)
	must(err)
	defer broker.close()
	sleeping, err := startFakeSN(*snAt)
	must(err)
	defer sleeping.close()
	broker.mu.Lock()
	broker.hear = sleeping.hear
	broker.mu.Unlock()
	_, end, err := startFake(*web, *udp, keys)
	must(err)
	defer end()
	<-ctx.Done()
}
