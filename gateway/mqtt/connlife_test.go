package mqtt

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// onPipe gives a connection of a door that lives in a synctest bubble.
func onPipe(t *testing.T, d *Door, v wire.Version) *raw {
	near, far := net.Pipe()
	d.attach(&conn{line: newTCPLine(far), remote: "pipe:1"})
	t.Cleanup(func() { _ = near.Close() })
	r := newRaw(t, near, v)
	_ = near.SetReadDeadline(time.Time{})
	return r
}

// alone is a door without rooms and without Run.
func alone(t *testing.T, change func(*limits)) *Door {
	d := New(Config{Log: slog.New(slog.DiscardHandler), Anonymous: AnonymousAny})
	if change != nil {
		change(&d.limits)
	}
	t.Cleanup(d.closeConns)
	return d
}

func TestSilentClientIsCutAfterOneAndAHalfKeepAlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := alone(t, nil)
		r := onPipe(t, d, wire.V5)
		hello := clean("quiet", wire.V5)
		hello.KeepAlive = 10
		r.greet(hello)
		for range 4 { // it says something now and then, in pieces
			time.Sleep(14 * time.Second)
			r.write([]byte{0xc0})
			time.Sleep(14 * time.Second)
			r.write([]byte{0})
			hears[*wire.Ping](r)
		}
		start := time.Now()
		r.ends(wire.KeepAliveTimeout)
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("cut after %v", took)
		}
	})
}

func TestClientWithoutKeepAliveMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := alone(t, nil)
		r := onPipe(t, d, wire.V311)
		r.greet(clean("mute", wire.V311))
		time.Sleep(1000 * time.Hour)
		r.say(&wire.Ping{Type: wire.TypePingreq})
		hears[*wire.Ping](r)
	})
}

func TestWhoDoesNotGreetIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := alone(t, nil)
		for _, beginning := range []string{"", "\x10", "\x10\x20\x00\x04MQ"} {
			r := onPipe(t, d, wire.V5)
			start := time.Now()
			if beginning != "" {
				r.write([]byte(beginning))
			}
			r.ends(0)
			if took := time.Since(start); took != 10*time.Second {
				t.Errorf("%q: cut after %v", beginning, took)
			}
		}
	})
}

// TestClientThatDoesNotReadHoldsNobodyUp: it is cut, others get everything.
func TestClientThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	_, address := open(t, func(l *limits) { l.patience = 100 * time.Millisecond })
	lazy := enter(t, address, clean("lazy", wire.V5))
	lazy.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "flood"}}})
	hears[*wire.Suback](lazy)
	ear := enter(t, address, clean("ear", wire.V5))
	ear.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "other"}}})
	hears[*wire.Suback](ear)
	mouth := enter(t, address, clean("mouth", wire.V311))
	big := &wire.Publish{Topic: "flood", Payload: bytes.Repeat([]byte("x"), 100_000)}
	for i := range 300 { // 30 MB: more than the kernel holds
		mouth.say(big)
		if i%10 == 0 {
			mouth.say(&wire.Publish{Topic: "other", Payload: fmt.Append(nil, i)})
			if got := hears[*wire.Publish](ear); string(got.Payload) != fmt.Sprint(i) {
				t.Fatalf("got %s, want %d", got.Payload, i)
			}
		}
	}
	mouth.say(&wire.Ping{Type: wire.TypePingreq})
	hears[*wire.Ping](mouth)
	for { // what the kernel has, and then the end
		if _, err := lazy.r.Discard(1 << 16); err != nil {
			if strings.Contains(err.Error(), "timeout") {
				t.Error("it was not cut")
			}
			return
		}
	}
}

// TestClientMayWriteMuchBeforeItReads: a client that only writes is served on.
func TestClientMayWriteMuchBeforeItReads(t *testing.T) {
	_, address := open(t, nil)
	r := enter(t, address, clean("writer", wire.V311))
	const many = 50_000
	var b []byte
	for i := range many {
		p := wire.Publish{Topic: "t", QoS: 1, ID: uint16(i%65535) + 1}
		b = p.Append(b, wire.V311)
	}
	r.write(b)
	for i := range many {
		if ack := hears[*wire.Ack](r); ack.ID != uint16(i%65535)+1 {
			t.Fatalf("acknowledgement %d is of %d", i, ack.ID)
		}
	}
}

// TestEveryTransportCarriesEverything runs our client over TCP, TLS and WebSocket.
func TestEveryTransportCarriesEverything(t *testing.T) {
	h, plain := open(t, nil)
	web := httptest.NewServer(h.door)
	t.Cleanup(web.Close)
	keys := httptest.NewTLSServer(nil)
	t.Cleanup(keys.Close)
	sealed, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: keys.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	h.serve(t, sealed)
	trust := keys.Client().Transport.(*http.Transport).TLSClientConfig
	for name, o := range map[string]mqttclient.Options{
		"tcp": {Address: "tcp://" + plain},
		"tls": {Address: "mqtts://" + sealed.Addr().String(), TLS: trust},
		"ws":  {Address: "ws" + strings.TrimPrefix(web.URL, "http") + "/mqtt"},
	} {
		t.Run(name, func(t *testing.T) { carryAll(t, o) })
	}
}

func carryAll(t *testing.T, o mqttclient.Options) {
	const senders, each = 3, 100
	var mu sync.Mutex
	got := map[string]int{}
	all := make(chan struct{})
	o.Log = slog.New(slog.DiscardHandler)
	o.Subscriptions = []wire.Subscription{{Filter: "carry/#", QoS: 2}}
	o.Handle = func(p *wire.Publish) {
		mu.Lock()
		defer mu.Unlock()
		if got[p.Topic]++; got[p.Topic] == 1 && len(got) == senders*each {
			close(all)
		}
	}
	c, err := mqttclient.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := roomtest.Soon()
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx) })
	defer run.Wait()
	defer stop()
	if err := c.Await(ctx); err != nil {
		t.Fatal(err)
	}
	for s := range senders {
		run.Go(func() {
			for i := range each {
				p := &wire.Publish{Topic: fmt.Sprintf("carry/%d/%d", s, i), QoS: byte(i % 3), Payload: make([]byte, i*i)}
				if err := c.Publish(ctx, p); err != nil {
					t.Errorf("%s: %v", p.Topic, err)
					return
				}
			}
		})
	}
	select {
	case <-all:
	case <-ctx.Done():
		mu.Lock()
		t.Errorf("%d of %d came", len(got), senders*each)
		mu.Unlock()
	}
}

func TestPacketsSpanWebSocketFrames(t *testing.T) {
	h, _ := open(t, nil)
	web := httptest.NewServer(h.door)
	t.Cleanup(web.Close)
	ctx, stop := roomtest.Soon()
	defer stop()
	c, resp, err := websocket.Dial(ctx, web.URL+"/mqtt", &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if resp.Header.Get("Sec-WebSocket-Protocol") != "mqtt" {
		t.Errorf("%v", resp.Header)
	}
	hello := clean("web", wire.V311)
	b := hello.Append(nil, wire.V311)
	b = (&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "w"}}}).Append(b, wire.V311)
	b = (&wire.Publish{Topic: "w", Payload: []byte("hi")}).Append(b, wire.V311)
	for i := range b { // a byte a message, and an empty one
		if err := c.Write(ctx, websocket.MessageBinary, b[i:i+1]); err != nil {
			t.Fatal(err)
		}
		if err := c.Write(ctx, websocket.MessageBinary, nil); err != nil {
			t.Fatal(err)
		}
	}
	r := newRaw(t, websocket.NetConn(ctx, c, websocket.MessageBinary), wire.V311)
	hears[*wire.Connack](r)
	hears[*wire.Suback](r)
	if got := hears[*wire.Publish](r); string(got.Payload) != "hi" {
		t.Errorf("%+v", got)
	}
	if err := c.Write(ctx, websocket.MessageText, []byte("\xc0\x00")); err != nil {
		t.Fatal(err)
	}
	r.ends(0)
}

func TestPagesFromElsewhereAreNotAnonymous(t *testing.T) {
	h, _ := open(t, nil)
	web := httptest.NewServer(h.door)
	t.Cleanup(web.Close)
	for origin, want := range map[string]wire.ReasonCode{
		"": wire.Success, web.URL: wire.Success, "http://elsewhere.example": wire.NotAuthorized, "null": wire.NotAuthorized,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		ctx, stop := roomtest.Soon()
		c, _, err := websocket.Dial(ctx, web.URL+"/mqtt", &websocket.DialOptions{Subprotocols: []string{"mqtt"}, HTTPHeader: header})
		if err != nil {
			t.Fatal(err)
		}
		r := newRaw(t, websocket.NetConn(ctx, c, websocket.MessageBinary), wire.V5)
		if ack := r.greet(clean("page", wire.V5)); ack.Code != want {
			t.Errorf("origin %q: %+v", origin, ack)
		}
		_ = c.CloseNow()
		stop()
	}
}

// TestConnectionsThatComeAndGo take each other's sessions over, leave amid packets, and
// leave nothing behind.
func TestConnectionsThatComeAndGo(t *testing.T) {
	h, address := open(t, nil)
	var work sync.WaitGroup
	for g := range 6 {
		work.Go(func() {
			for i := range 25 {
				v := allVersions[(g+i)%3]
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Errorf("dial: %v", err)
					return
				}
				hello := wire.Connect{Version: v, ClientID: fmt.Sprint("churn", i%3), CleanStart: i%2 == 0, SessionExpiry: uint32(i % 5)}
				b := hello.Append(nil, v)
				b = (&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "churn/#", QoS: 2}}}).Append(b, v)
				for id := range uint16(20) {
					p := wire.Publish{Topic: "churn/x", QoS: byte(id % 3), ID: id, Payload: make([]byte, 50)}
					b = p.Append(b, v)
				}
				b = (&wire.Disconnect{}).Append(b, v)
				if _, err := c.Write(b[:len(b)-(i%4)*31]); err == nil && i%2 == 0 { // else it was taken over already
					_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
					_, _ = c.Read(make([]byte, 1000))
				}
				_ = c.Close()
			}
		})
	}
	work.Wait()
	roomtest.Eventually(t, "nobody is connected", func() bool { return h.door.Stats().Connected == 0 })
	roomtest.Eventually(t, "no connection is left", func() bool {
		h.door.listening.Lock()
		defer h.door.listening.Unlock()
		return len(h.door.conns) == 0
	})
	r := enter(t, address, clean("after", wire.V311))
	r.say(&wire.Ping{Type: wire.TypePingreq})
	hears[*wire.Ping](r)
}

// busy is a core that is slow to take what a node says.
type busy struct{ countingCore }

func (b *busy) Report(ctx context.Context, ref roost.Ref, values []roost.Resource) error {
	time.Sleep(20 * time.Second)
	return b.countingCore.Report(ctx, ref, values)
}

func TestWhoWaitsForUsIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{Core: new(busy), Log: slog.New(slog.DiscardHandler), Anonymous: AnonymousAny})
		t.Cleanup(d.closeConns)
		r := onPipe(t, d, wire.V5)
		hello := clean("node", wire.V5)
		hello.KeepAlive = 10
		r.greet(hello)
		for id := range uint16(3) {
			r.say(&wire.Publish{Topic: "roost/node/readings/x", QoS: 1, ID: id + 1, Payload: []byte("1")})
			if ack := hears[*wire.Ack](r); ack.Code.Failed() {
				t.Errorf("%+v", ack)
			}
		}
	})
}
