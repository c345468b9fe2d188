package exchange_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// counting answers each request with how many there were.
func counting() (exchange.Handler, *atomic.Int64) {
	var n atomic.Int64
	return func(context.Context, *exchange.Request) exchange.Response {
		return exchange.Text(coap.Changed, fmt.Sprint(n.Add(1)))
	}, &n
}

func TestConfirmableIsAnsweredInTheAcknowledgement(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo})
	p := newPeer(t, server)
	m := request(coap.PUT, 7, "/led", "1")
	got := p.ask(m)
	expect(t, got, coap.Acknowledgement, coap.Content, 7, "PUT /led 1")
	if got.Token != m.Token {
		t.Errorf("token %v", got.Token)
	}
}

func TestNonConfirmableIsAnsweredAlike(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo})
	p := newPeer(t, server)
	m := request(coap.POST, 7, "/alive", "x")
	m.Type = coap.NonConfirmable
	got := p.ask(m)
	expect(t, got, coap.NonConfirmable, coap.Content, got.ID, "POST /alive x")
	if got.Token != m.Token {
		t.Errorf("token %v", got.Token)
	}
}

func TestPingIsReset(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo})
	expect(t, newPeer(t, server).ask(coap.Message{ID: 99}), coap.Reset, coap.Empty, 99, "")
}

func TestDuplicateIsAnsweredFromMemory(t *testing.T) {
	for name, pad := range map[string]int{"short": 0, "long": 200} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			e, server := start(t, exchange.Config{Readers: 1, Handler: func(context.Context, *exchange.Request) exchange.Response {
				return exchange.Text(coap.Changed, fmt.Sprintf("%*d", pad, n.Add(1)))
			}})
			p := newPeer(t, server)
			m := request(coap.POST, 7, "/server", "temperature:1")
			first := p.ask(m)
			for range 3 {
				if again := p.ask(m); !again.Equal(first) {
					t.Errorf("%v %q, first %v %q", &again, again.Payload, &first, first.Payload)
				}
			}
			other := newPeer(t, server)
			expect(t, other.ask(m), coap.Acknowledgement, coap.Changed, 7, fmt.Sprintf("%*d", pad, 2))
			if s := e.Stats(); s.Requests != 2 || s.Duplicates != 3 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestDuplicateNonConfirmableIsDropped(t *testing.T) {
	h, n := counting()
	_, server := start(t, exchange.Config{Readers: 1, Handler: h})
	p := newPeer(t, server)
	m := request(coap.POST, 7, "/server", "x:1")
	m.Type = coap.NonConfirmable
	p.ask(m)
	p.send(m)
	p.quiet()
	if n.Load() != 1 {
		t.Errorf("handled %d times", n.Load())
	}
}

// A sender that comes round its 65,536 Message IDs within the lifetime is no
// duplicate of itself.
func TestMessageIDUsedAgainIsNoDuplicate(t *testing.T) {
	h, _ := counting()
	_, server := start(t, exchange.Config{Handler: h})
	p := newPeer(t, server)
	p.ask(request(coap.POST, 7, "/server", "x:1"))
	expect(t, p.ask(request(coap.POST, 7, "/server", "x:2")), coap.Acknowledgement, coap.Changed, 7, "2")
}

func TestUnknownCriticalOption(t *testing.T) {
	h, n := counting()
	_, server := start(t, exchange.Config{Readers: 1, Handler: h, Critical: []coap.OptionNumber{coap.IfMatch}})
	p := newPeer(t, server)
	m := request(coap.GET, 1, "/led", "")
	m.Options.Add(2051, []byte("x"))
	expect(t, p.ask(m), coap.Acknowledgement, coap.BadOption, 1, "Unsupported option 2051")
	m.Type, m.ID = coap.NonConfirmable, 2
	expect(t, p.ask(m), coap.Reset, coap.Empty, 2, "")
	if n.Load() != 0 {
		t.Error("the handler saw it")
	}
	m = request(coap.GET, 3, "/led", "")
	m.Options.Add(2050, []byte("elective"))
	m.Options.Add(coap.IfMatch, []byte("tag"))
	expect(t, p.ask(m), coap.Acknowledgement, coap.Changed, 3, "1")
	m = request(coap.GET, 4, "/led", "")
	m.Options.AddString(coap.ProxyURI, "coap://elsewhere/")
	expect(t, p.ask(m), coap.Acknowledgement, coap.ProxyingNotSupported, 4, "")
}

func TestMalformedMessages(t *testing.T) {
	h, n := counting()
	e, server := start(t, exchange.Config{Readers: 1, Handler: h})
	p := newPeer(t, server)
	resets := [][]byte{
		{0x49, 2, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9}, // token of 9 bytes
		{0x4f, 2, 0, 2},                // of 15
		{0x42, 2, 0, 3, 1},             // cut token
		{0x40, 2, 0, 4, 0xb5, 'a'},     // cut option
		{0x40, 2, 0, 5, 0xff},          // marker without payload
		{0x40, 2, 0, 6, 0xf0},          // reserved delta
		{0x40, 0, 0, 7, 1},             // empty with bytes
		{0x40, 0x21, 0, 8},             // class 1
		{0x40, 0xc1, 0, 9},             // class 6
		{0x40, 0xff, 0, 10},            // class 7
		{0x40, 0x45, 0, 11, 0xff, 'x'}, // a response nobody waits for
	}
	for _, b := range resets {
		p.raw(b)
		expect(t, p.read(), coap.Reset, coap.Empty, uint16(b[3]), "")
	}
	for _, b := range [][]byte{
		{}, {0x40}, {0x40, 1, 0}, // no header
		{0x00, 1, 0, 1}, {0x80, 1, 0, 1}, {0xc0, 1, 0, 1}, // other versions
		{0x59, 2, 0, 1}, {0x69, 2, 0, 1}, {0x79, 2, 0, 1}, // not confirmable
		{0x60, 1, 0, 1}, {0x70, 1, 0, 1}, {0x60, 0x45, 0, 1}, {0x70, 0x45, 0, 1}, // make no sense
		{0x60, 0, 0, 1}, {0x70, 0, 0, 1}, {0x50, 0, 0, 1}, {0x50, 0x45, 0, 1},
	} {
		p.raw(b)
	}
	p.quiet()
	if n.Load() != 0 || e.Stats().Malformed < 10 {
		t.Errorf("%d handled, %+v", n.Load(), e.Stats())
	}
	expect(t, p.ask(request(coap.POST, 50, "/", "")), coap.Acknowledgement, coap.Changed, 50, "1")
}

func TestMessageCutAnywhereHurtsNobody(t *testing.T) {
	_, server := start(t, exchange.Config{Readers: 1, Handler: echo})
	p := newPeer(t, server)
	m := request(coap.PUT, 300, "/a/path/of/segments", "value")
	m.Options.SetFormat(coap.LinkFormat)
	m.Options.AddString(coap.URIHost, "a-host-of-twenty-bytes")
	whole := m.Append(nil)
	for n := range whole {
		p.raw(whole[:n])
	}
	other := newPeer(t, server)
	expect(t, other.ask(request(coap.GET, 1, "/x", "")), coap.Acknowledgement, coap.Content, 1, "GET /x ")
}

func TestClientOnlyEndpointResetsRequests(t *testing.T) {
	_, client := start(t, exchange.Config{})
	expect(t, newPeer(t, client).ask(request(coap.GET, 5, "/", "")), coap.Reset, coap.Empty, 5, "")
}

func TestPanickingHandlerIsAnInternalError(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		if r.Options.PathIs("bad") {
			panic("boom")
		}
		return exchange.Text(coap.Content, "fine")
	}})
	p := newPeer(t, server)
	expect(t, p.ask(request(coap.GET, 1, "/bad", "")), coap.Acknowledgement, coap.InternalServerError, 1, "")
	expect(t, p.ask(request(coap.GET, 2, "/good", "")), coap.Acknowledgement, coap.Content, 2, "fine")
}

func TestDatagramLongerThanTheBuffer(t *testing.T) {
	_, server := start(t, exchange.Config{Readers: 1, MaxDatagram: 200, MaxBody: 4096, Handler: echo})
	p := newPeer(t, server)
	m := request(coap.POST, 1, "/x", string(make([]byte, 500)))
	got := p.ask(m)
	expect(t, got, coap.Acknowledgement, coap.RequestEntityTooLarge, 1, "")
	if v, ok := got.Options.Uint(coap.Size1); v != 4096 || !ok || got.Token != m.Token {
		t.Errorf("Size1 %d %v, token %v", v, ok, got.Token)
	}
	m.Type = coap.NonConfirmable
	p.send(m)
	p.quiet()
}

// laterHandler answers "now" at once and the rest through the channel.
func laterHandler(replies chan<- *exchange.Reply) exchange.Handler {
	return func(_ context.Context, r *exchange.Request) exchange.Response {
		if r.Options.PathIs("now") {
			return exchange.Text(coap.Content, "now")
		}
		replies <- r.Later()
		return exchange.Response{}
	}
}

func TestLaterAnswerIsSeparate(t *testing.T) {
	replies := make(chan *exchange.Reply, 1)
	_, server := start(t, with(quick, laterHandler(replies)))
	p := newPeer(t, server)
	m := request(coap.PUT, 7, "/slow", "body")
	expect(t, p.ask(m), coap.Acknowledgement, coap.Empty, 7, "")
	expect(t, p.ask(m), coap.Acknowledgement, coap.Empty, 7, "") // a duplicate
	r := <-replies
	done := make(chan error, 1)
	go func() {
		done <- r.Respond(within(t), exchange.Text(coap.Changed, "did "+string(r.Request.Payload)))
	}()
	first := p.read()
	expect(t, first, coap.Confirmable, coap.Changed, first.ID, "did body")
	if again := p.read(); !again.Equal(first) || first.Token != m.Token {
		t.Errorf("sent again as %v, first %v", &again, &first)
	}
	p.send(coap.Message{Type: coap.Acknowledgement, ID: first.ID})
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLaterAnswerInTimeIsPiggybacked(t *testing.T) {
	replies := make(chan *exchange.Reply, 1)
	_, server := start(t, exchange.Config{Readers: 1, EmptyACK: time.Hour, Handler: laterHandler(replies)})
	p := newPeer(t, server)
	m := request(coap.GET, 7, "/slow", "")
	p.send(m)
	r := <-replies
	p.send(m) // still being worked on
	p.quiet()
	if err := r.Respond(within(t), exchange.Text(coap.Content, "x")); err != nil {
		t.Error(err)
	}
	expect(t, p.read(), coap.Acknowledgement, coap.Content, 7, "x")
	expect(t, p.ask(m), coap.Acknowledgement, coap.Content, 7, "x")
}

func TestAcknowledgeAtOnce(t *testing.T) {
	_, server := start(t, exchange.Config{EmptyACK: time.Hour, Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		r.Later().Acknowledge()
		return exchange.Response{}
	}})
	p := newPeer(t, server)
	expect(t, p.ask(request(coap.GET, 7, "/slow", "")), coap.Acknowledgement, coap.Empty, 7, "")
}

func TestLaterAnswerToNonConfirmable(t *testing.T) {
	replies := make(chan *exchange.Reply, 1)
	_, server := start(t, with(quick, laterHandler(replies)))
	p := newPeer(t, server)
	m := request(coap.GET, 7, "/slow", "")
	m.Type = coap.NonConfirmable
	p.send(m)
	if err := (<-replies).Respond(within(t), exchange.Text(coap.Content, "x")); err != nil {
		t.Error(err)
	}
	got := p.read()
	expect(t, got, coap.NonConfirmable, coap.Content, got.ID, "x")
}

// A handler that asks to answer later and then answers, or panics, has answered.
func TestRequestIsAnsweredOnce(t *testing.T) {
	replies := make(chan *exchange.Reply, 1)
	_, server := start(t, exchange.Config{Readers: 1, Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		replies <- r.Later()
		if r.Options.PathIs("bad") {
			panic("boom")
		}
		return exchange.Text(coap.Content, "now")
	}})
	p := newPeer(t, server)
	expect(t, p.ask(request(coap.GET, 7, "/good", "")), coap.Acknowledgement, coap.Content, 7, "now")
	if err := (<-replies).Respond(within(t), exchange.Text(coap.Content, "later")); err != nil {
		t.Error(err)
	}
	p.quiet()
	expect(t, p.ask(request(coap.GET, 8, "/bad", "")), coap.Acknowledgement, coap.InternalServerError, 8, "")
}

func TestLaterAnswerRefusedOrUnheard(t *testing.T) {
	replies := make(chan *exchange.Reply, 1)
	c := with(quick, laterHandler(replies))
	c.ACKTimeout, c.MaxRetransmit = 300*time.Millisecond, 1
	_, server := start(t, c)
	p := newPeer(t, server)
	expect(t, p.ask(request(coap.GET, 7, "/slow", "")), coap.Acknowledgement, coap.Empty, 7, "")
	r := <-replies
	done := make(chan error, 1)
	go func() { done <- r.Respond(within(t), exchange.Text(coap.Content, "x")) }()
	p.send(coap.Message{Type: coap.Reset, ID: p.read().ID})
	wantError(t, <-done, exchange.ErrReset)
	expect(t, p.ask(request(coap.GET, 8, "/slow", "")), coap.Acknowledgement, coap.Empty, 8, "")
	wantError(t, (<-replies).Respond(within(t), exchange.Text(coap.Content, "x")), exchange.ErrTimeout)
}

func TestMappedAddress(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		return exchange.Text(coap.Content, r.Remote.Addr().String()+" "+exchange.Mapped(r.Remote.Addr()).String())
	}})
	p := newPeer(t, server)
	expect(t, p.ask(request(coap.GET, 1, "/", "")), coap.Acknowledgement, coap.Content, 1, "127.0.0.1 ::ffff:127.0.0.1")
}

func TestIPv6(t *testing.T) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("skipped: no IPv6 here: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	e := startOn(t, conn, exchange.Config{Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		return exchange.Text(coap.Content, r.Remote.Addr().String())
	}})
	a, err := e.Do(within(t), addrOf(conn), exchange.Get("/")) // a server may ask itself
	answer{a, err}.want(t, coap.Content, "::1")
}

// A flood of nonsense is counted in full and logged a line a second.
func TestMalformedMessagesAreLoggedSparingly(t *testing.T) {
	var log bytes.Buffer
	bubble(t, exchange.Config{
		Readers: 1,
		Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		for range 2 {
			for range 50 {
				w.in <- datagram{[]byte("\x4fnonsense"), node}
				synctest.Wait()
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := e.Stats().Malformed; n != 100 {
			t.Errorf("%d counted", n)
		}
	})
	if n := bytes.Count(log.Bytes(), []byte("\n")); n != 2 || !bytes.Contains(log.Bytes(), []byte("skipped=49")) {
		t.Errorf("logged: %s", log.String())
	}
}
