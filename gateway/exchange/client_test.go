package exchange_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

type answer struct {
	exchange.Response
	err error
}

// asking runs Do on its own goroutine.
func asking(t testing.TB, e *exchange.Endpoint, to netip.AddrPort, r *exchange.Request) <-chan answer {
	done := make(chan answer, 1)
	ctx := within(t)
	go func() {
		a, err := e.Do(ctx, to, r)
		done <- answer{a, err}
	}()
	return done
}

func (a answer) want(t testing.TB, code coap.Code, payload string) {
	t.Helper()
	if a.err != nil || a.Code != code || string(a.Payload) != payload {
		t.Errorf("%v %q, %v; want %v %q", a.Code, a.Payload, a.err, code, payload)
	}
}

func TestWriteIsConfirmableWithATokenOfTwoBytes(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Put("/led", []byte("1")))
	m := p.read()
	if m.Type != coap.Confirmable || m.Code != coap.PUT || m.Token.Len() != 2 || string(m.Payload) != "1" ||
		len(m.Options) != 1 || m.Options.Path() != "/led" {
		t.Errorf("%v %v %q", &m, m.Options, m.Payload)
	}
	p.send(coap.Message{Type: coap.Acknowledgement, Code: coap.Changed, ID: m.ID, Token: m.Token, Payload: []byte("led:1")})
	(<-done).want(t, coap.Changed, "led:1")
}

func TestUnansweredRequestIsSentAgain(t *testing.T) {
	client, addr := start(t, quick)
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/led"))
	first := p.read()
	for range 2 {
		if again := p.read(); !again.Equal(first) {
			t.Errorf("%v, first %v", &again, &first)
		}
	}
	p.send(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: first.ID, Token: first.Token, Payload: []byte("0")})
	(<-done).want(t, coap.Content, "0")
}

func TestNodeThatNeverAnswersTimesOutAlone(t *testing.T) {
	c := quick
	c.MaxRetransmit = 2
	client, _ := start(t, c)
	_, good := start(t, exchange.Config{Handler: echo})
	silent := newPeer(t, good)
	done := asking(t, client, silent.addr(), exchange.Get("/led"))
	silent.read()
	for range 20 {
		a, err := client.Do(within(t), good, exchange.Get("/x"))
		answer{a, err}.want(t, coap.Content, "GET /x ")
	}
	wantError(t, (<-done).err, exchange.ErrTimeout)
	silent.read()
	silent.read() // 1 + MaxRetransmit in all
}

func TestResetEndsARequest(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/led"))
	p.send(coap.Message{Type: coap.Reset, ID: p.read().ID})
	wantError(t, (<-done).err, exchange.ErrReset)
}

func TestSeparateResponse(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/slow"))
	m := p.read()
	p.send(coap.Message{Type: coap.Acknowledgement, ID: m.ID})
	late := coap.Message{Code: coap.Content, ID: 500, Token: m.Token, Payload: []byte("x")}
	expect(t, p.ask(late), coap.Acknowledgement, coap.Empty, 500, "")
	(<-done).want(t, coap.Content, "x")
	// The acknowledgement was lost: the same again, though the request is over.
	expect(t, p.ask(late), coap.Acknowledgement, coap.Empty, 500, "")
	late.ID = 501
	expect(t, p.ask(late), coap.Reset, coap.Empty, 501, "")
}

func TestSeparateResponseBeforeTheAcknowledgement(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/slow"))
	m := p.read()
	p.send(coap.Message{Type: coap.NonConfirmable, Code: coap.Content, ID: 500, Token: m.Token, Payload: []byte("x")})
	(<-done).want(t, coap.Content, "x")
	p.send(coap.Message{Type: coap.Acknowledgement, ID: m.ID})
}

func TestResponseOfSomebodyElseIsIgnored(t *testing.T) {
	client, addr := start(t, exchange.Config{Readers: 1})
	p, forger := newPeer(t, addr), newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/led"))
	m := p.read()
	forged := coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token, Payload: []byte("forged")}
	forger.send(forged) // another address
	forger.quiet()
	wrong := forged
	wrong.Token = coap.Token16(^uint16(m.Token.Append(nil)[0])<<8 | 1)
	p.send(wrong) // another token
	wrong = forged
	wrong.ID++
	p.send(wrong) // another Message ID
	p.quiet()
	forged.Payload = []byte("true")
	p.send(forged)
	(<-done).want(t, coap.Content, "true")
}

func TestOneRequestAtATimePerNode(t *testing.T) {
	c := quick
	c.ACKTimeout = 10 * time.Second
	client, addr := start(t, c)
	p := newPeer(t, addr)
	first := asking(t, client, p.addr(), exchange.Get("/1"))
	m := p.read()
	second := asking(t, client, p.addr(), exchange.Get("/2"))
	_ = p.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _, err := p.conn.ReadFromUDPAddrPort(make([]byte, 100)); err == nil {
		t.Fatalf("%d bytes while the first request is open", n)
	}
	p.send(coap.Message{Type: coap.Acknowledgement, ID: m.ID}) // acknowledged is enough
	m2 := p.read()
	if m2.Options.Path() != "/2" {
		t.Errorf("%v", m2.Options.Path())
	}
	p.send(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m2.ID, Token: m2.Token})
	(<-second).want(t, coap.Content, "")
	p.send(coap.Message{Type: coap.NonConfirmable, Code: coap.Content, ID: 9, Token: m.Token})
	(<-first).want(t, coap.Content, "")
}

func TestQueueOfANodeIsBounded(t *testing.T) {
	client, addr := start(t, exchange.Config{Queue: 1})
	p := newPeer(t, addr)
	ctx, cancel := context.WithCancel(within(t))
	results := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := client.Do(ctx, p.addr(), exchange.Get("/led"))
			results <- err
		}()
	}
	wantError(t, <-results, exchange.ErrBusy)
	cancel()
	wantError(t, <-results, context.Canceled)
	wantError(t, <-results, context.Canceled)
	m := p.read()
	done := asking(t, client, p.addr(), exchange.Get("/next"))
	for m.Options.Path() != "/next" {
		m = p.read()
	}
	p.send(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token})
	(<-done).want(t, coap.Content, "")
}

func TestUnknownCriticalOptionInAResponse(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/led"))
	m := p.read()
	a := coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token}
	a.Options.Add(2051, nil)
	p.send(a)
	wantError(t, (<-done).err, exchange.ErrOption)
}

// A closed port answers with ICMP; that ends neither the reader nor the request
// before its time.
func TestRefusedConnectionDoesNotDisturb(t *testing.T) {
	c := quick
	c.MaxRetransmit = 1
	client, _ := start(t, c)
	gone := listen(t)
	nobody := addrOf(gone)
	gone.Close()
	_, err := client.Do(within(t), nobody, exchange.Get("/led"))
	wantError(t, err, exchange.ErrTimeout)
	_, good := start(t, exchange.Config{Handler: echo})
	a, err := client.Do(within(t), good, exchange.Get("/x"))
	answer{a, err}.want(t, coap.Content, "GET /x ")
}

func TestOpenRequestsEndWithTheEndpoint(t *testing.T) {
	conn := listen(t)
	e := exchange.New(conn, exchange.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	p := newPeer(t, addrOf(conn))
	open, queued := asking(t, e, p.addr(), exchange.Get("/1")), asking(t, e, p.addr(), exchange.Get("/2"))
	p.read()
	cancel()
	wantError(t, (<-open).err, exchange.ErrClosed)
	wantError(t, (<-queued).err, exchange.ErrClosed)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestClosedSocketEndsRun(t *testing.T) {
	conn := listen(t)
	ended := make(chan error, 1)
	go func() { ended <- exchange.New(conn, exchange.Config{}).Run(context.Background()) }()
	conn.Close()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
}

func TestOverlongPathIsNotSent(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	_, err := client.Do(within(t), addr, exchange.Get("/"+string(make([]byte, 300))))
	wantError(t, err, coap.ErrOptionLength)
}

func TestSendExpectsNoAnswer(t *testing.T) {
	client, addr := start(t, exchange.Config{Readers: 1})
	p := newPeer(t, addr)
	if err := client.Send(p.addr(), exchange.Post("/alive", []byte("reset:X"))); err != nil {
		t.Fatal(err)
	}
	m := p.read()
	if m.Type != coap.NonConfirmable || m.Options.Path() != "/alive" || string(m.Payload) != "reset:X" || m.Token.Len() != 2 {
		t.Errorf("%v %q", &m, m.Payload)
	}
	p.send(coap.Message{Type: coap.NonConfirmable, Code: coap.Changed, ID: 1, Token: m.Token})
	p.quiet()
}
