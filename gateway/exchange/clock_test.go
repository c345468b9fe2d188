package exchange_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

type datagram struct {
	b    []byte
	from netip.AddrPort
}

// wire is a socket without a network, for tests with a clock of their own: what
// the endpoint sends comes out of sent, what arrives is put into in.
type wire struct {
	in, sent chan datagram
	faults   chan error
	dead     chan struct{}
	once     sync.Once
}

func newWire() *wire {
	return &wire{
		in: make(chan datagram, 100), sent: make(chan datagram, 1000),
		faults: make(chan error), dead: make(chan struct{}),
	}
}

func (w *wire) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-w.in:
		return copy(b, d.b), d.from, nil
	case err := <-w.faults:
		return 0, netip.AddrPort{}, err
	case <-w.dead:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (w *wire) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	w.sent <- datagram{append([]byte(nil), b...), to}
	return len(b), nil
}

func (w *wire) SetReadDeadline(time.Time) error {
	w.once.Do(func() { close(w.dead) })
	return nil
}

var node = netip.MustParseAddrPort("127.0.0.9:5683")

func (w *wire) arrive(m coap.Message) {
	w.in <- datagram{m.Append(nil), node}
	synctest.Wait()
}

// next is the next message sent; the clock moves on until there is one.
func (w *wire) next(t *testing.T) coap.Message {
	t.Helper()
	m, err := coap.Parse((<-w.sent).b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// bubble runs a test with an endpoint on a wire under a clock of its own.
func bubble(t *testing.T, c exchange.Config, f func(t *testing.T, e *exchange.Endpoint, w *wire)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		e := exchange.New(w, c)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		f(t, e, w)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRetransmissionTimes(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		began := time.Now()
		result := make(chan error, 1)
		go func() {
			_, err := e.Do(context.Background(), node, exchange.Get("/led"))
			result <- err
		}()
		w.next(t)
		var gaps []time.Duration
		last := began
		for range 4 {
			w.next(t)
			gaps = append(gaps, time.Since(last))
			last = time.Now()
		}
		wantError(t, <-result, exchange.ErrTimeout)
		if gaps[0] < 2*time.Second || gaps[0] > 3*time.Second {
			t.Errorf("first retransmission after %v", gaps[0])
		}
		for i := 1; i < 4; i++ {
			if gaps[i] != 2*gaps[i-1] {
				t.Errorf("gaps %v", gaps)
			}
		}
		if total := time.Since(began); total < 62*time.Second || total > 93*time.Second {
			t.Errorf("given up after %v", total)
		}
		if len(w.sent) != 0 {
			t.Error("a sixth transmission")
		}
	})
}

func TestSeparateResponseThatNeverComes(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		began := time.Now()
		result := make(chan error, 1)
		go func() {
			_, err := e.Do(context.Background(), node, exchange.Get("/led"))
			result <- err
		}()
		w.arrive(coap.Message{Type: coap.Acknowledgement, ID: w.next(t).ID})
		wantError(t, <-result, exchange.ErrTimeout)
		if d := time.Since(began); d != 93*time.Second || len(w.sent) != 0 {
			t.Errorf("after %v, sent again %d times", d, len(w.sent))
		}
	})
}

func TestEmptyAcknowledgementAfterATenthOfASecond(t *testing.T) {
	bubble(t, exchange.Config{Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		r.Later()
		return exchange.Response{}
	}}, func(t *testing.T, _ *exchange.Endpoint, w *wire) {
		began := time.Now()
		w.arrive(request(coap.GET, 7, "/slow", ""))
		expect(t, w.next(t), coap.Acknowledgement, coap.Empty, 7, "")
		if d := time.Since(began); d != 100*time.Millisecond {
			t.Errorf("after %v", d)
		}
	})
}

func TestDuplicateIsForgottenAfterTheExchangeLifetime(t *testing.T) {
	h, n := counting()
	bubble(t, exchange.Config{Handler: h}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		m := request(coap.POST, 7, "/server", "x:1")
		for _, pause := range []time.Duration{0, 246 * time.Second, 2 * time.Second} {
			time.Sleep(pause)
			w.arrive(m)
			w.next(t)
		}
		if n.Load() != 2 || e.Remembered() != 1 {
			t.Errorf("handled %d times, %d remembered", n.Load(), e.Remembered())
		}
		time.Sleep(260 * time.Second)
		synctest.Wait()
		if e.Remembered() != 0 {
			t.Errorf("%d remembered", e.Remembered())
		}
	})
}

func TestRememberedMessagesAreBounded(t *testing.T) {
	h, n := counting()
	bubble(t, exchange.Config{Handler: h, Duplicates: 80}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		for id := range uint16(500) {
			w.arrive(request(coap.POST, id, "/server", "x"))
			w.next(t)
		}
		if e.Remembered() > 80 {
			t.Errorf("%d remembered", e.Remembered())
		}
		w.arrive(request(coap.POST, 499, "/server", "x"))
		expect(t, w.next(t), coap.Acknowledgement, coap.Changed, 499, "500")
		w.arrive(request(coap.POST, 0, "/server", "x")) // forgotten: handled again
		expect(t, w.next(t), coap.Acknowledgement, coap.Changed, 0, "501")
		if n.Load() != 501 {
			t.Errorf("handled %d times", n.Load())
		}
	})
}

func TestLongRememberedAnswersAreBounded(t *testing.T) {
	bubble(t, exchange.Config{DuplicateBytes: 8 * 2000, Handler: func(context.Context, *exchange.Request) exchange.Response {
		return exchange.Text(coap.Content, text(900))
	}}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		for id := range uint16(50) {
			w.arrive(request(coap.POST, id, "/x", ""))
			w.next(t)
		}
		if n := e.Remembered(); n == 0 || n > 8*2 { // shards times what fits in one
			t.Errorf("%d answers of 900 bytes in 16,000 bytes", n)
		}
	})
}

func TestPeerThatVanishesMidTransferIsForgotten(t *testing.T) {
	bubble(t, exchange.Config{Handler: func(context.Context, *exchange.Request) exchange.Response {
		return exchange.Text(coap.Content, text(3000))
	}}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		w.arrive(part(1, 0, true, 0, text(16)))
		expect(t, w.next(t), coap.Acknowledgement, coap.Continue, 1, "")
		w.arrive(get(2, 0, 2))
		w.next(t)
		if e.Transfers() != 2 {
			t.Errorf("%d transfers", e.Transfers())
		}
		time.Sleep(66 * time.Second)
		synctest.Wait()
		if e.Transfers() != 0 {
			t.Errorf("%d transfers", e.Transfers())
		}
		w.arrive(part(3, 1, false, 0, "end"))
		if m := w.next(t); m.Code != coap.RequestEntityIncomplete {
			t.Errorf("%v", &m)
		}
	})
}

// What ICMP says about an earlier datagram comes out of a read; it ends nothing,
// and a storm of it does not spin.
func TestReadErrorsEndNothing(t *testing.T) {
	bubble(t, exchange.Config{Readers: 1, Handler: echo}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		began := time.Now()
		for range 100 {
			w.faults <- syscall.ECONNREFUSED
		}
		w.arrive(request(coap.GET, 1, "/x", ""))
		expect(t, w.next(t), coap.Acknowledgement, coap.Content, 1, "GET /x ")
		if d := time.Since(began); e.Stats().ReadErrors != 100 || d < time.Second || d > 10*time.Second {
			t.Errorf("%+v in %v", e.Stats(), d)
		}
	})
}

func TestCancelledRequestIsNotSent(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := e.Do(ctx, node, exchange.Put("/led", []byte("1")))
		wantError(t, err, context.Canceled)
		if len(w.sent) != 0 {
			t.Error("sent")
		}
	})
}
