package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// confirmIn is how long a command may take before it counts as lost.
const confirmIn = 5 * time.Second

// Command measures how long a command of a page takes to reach a CoAP node as a
// PUT (p50, p99), and until the page sees that it was done. One at a time; the
// node is played here.
func Command(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{things: 1, clients: 1, inFlight: 1})
	c.Things = 1
	if err := c.check(ctx, c.HTTP, c.CoAP); err != nil {
		return Result{}, err
	}
	ends, err := coapEnds(c.CoAP, 1)
	if err != nil {
		return Result{}, err
	}
	defer closeEnds(ends)
	lamp := newLamp(ends[0])
	if err := lamp.end.greet(); err != nil {
		return Result{}, err
	}
	page := new(crowd)
	defer page.close()
	if err := page.dialAll(ctx, 1, func(ctx context.Context, _ int) (*wsConn, error) {
		return dialWS(ctx, c.HTTP, c.wsPath(), "", 64<<10)
	}); err != nil {
		return Result{}, fmt.Errorf("open page: %w", err)
	}
	if err := page.conns[0].text(announce); err != nil {
		return Result{}, err
	}
	shown := make(chan string, 64)
	page.read(func(int) func([]byte) { return lamp.showing(shown) })
	var serving sync.WaitGroup
	defer serving.Wait()
	defer func() { _ = lamp.end.conn.Close() }()
	serving.Go(lamp.run)
	known(ctx, shown)
	r, err := lamp.commands(ctx, c, page.conns[0], shown)
	r.Load = map[string]int{"in flight": 1}
	return r, err
}

// known waits until the page was told of the LED: then the discovery of the node
// is over and does not mix with the commands. Gateways that discover nothing are
// given 3 s.
func known(ctx context.Context, shown <-chan string) {
	late := time.NewTimer(3 * time.Second)
	defer late.Stop()
	select {
	case <-shown:
		pause(ctx, 20*time.Millisecond) // for what the server does behind that
	case <-late.C:
	case <-ctx.Done():
	}
}

// lamp is a CoAP node with an LED.
type lamp struct {
	end  *coapEnd
	led  string
	puts chan put
}

// put is when which value reached the lamp.
type put struct {
	value string
	at    time.Time
}

func newLamp(end *coapEnd) *lamp {
	l := &lamp{end: end, led: "0", puts: make(chan put, 64)}
	end.serve = l.serve
	return l
}

// run answers what the server asks until the socket is closed.
func (l *lamp) run() {
	_ = l.end.conn.SetReadDeadline(time.Time{})
	var m coap.Message
	for {
		n, err := l.end.conn.Read(l.end.in)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && m.Parse(l.end.in[:n]) == nil && m.Code.IsRequest() {
			l.end.reply(&m)
		}
	}
}

func (l *lamp) serve(r *coap.Message) (coap.Code, []byte) {
	switch path := r.Options.Path(); {
	case r.Code == coap.GET && path == "/.well-known/core":
		return coap.Content, []byte("</led>")
	case r.Code == coap.GET && path == "/led":
		return coap.Content, []byte(l.led)
	case r.Code == coap.PUT && path == "/led":
		l.led = string(r.Payload)
		select {
		case l.puts <- put{l.led, time.Now()}:
		default: // copies that nobody waits for
		}
		return coap.Changed, append([]byte("led:"), r.Payload...)
	}
	return coap.NotFound, nil
}

// showing tells which value of the LED the page was told.
func (l *lamp) showing(shown chan<- string) func([]byte) {
	return func(message []byte) {
		m := string(message)
		if !strings.Contains(m, `"led"`) || !strings.Contains(m, l.end.uid) {
			return
		}
		for _, v := range []string{"0", "1"} {
			if strings.Contains(m, `"data": "`+v+`"`) || strings.Contains(m, `"data":"`+v+`"`) {
				select {
				case shown <- v:
				default:
				}
			}
		}
	}
}

// commands switches the LED on and off and takes the times.
func (l *lamp) commands(ctx context.Context, c Config, page *wsConn, shown <-chan string) (Result, error) {
	r := Result{Scenario: "command"}
	var there, back histogram
	began, counting := time.Now(), false
	var before usage
	for v := "1"; ctx.Err() == nil; v = string('0' + '1' - v[0]) {
		now := time.Now()
		if !counting && now.Sub(began) >= c.Warmup {
			began, counting, before = now, true, usageNow(c.PID)
		}
		if counting && now.Sub(began) >= c.Duration {
			break
		}
		drainAll(l.puts)
		drainAll(shown)
		if err := page.text(`{"type":"update","data":{"uid":"` + l.end.uid + `","endpoint":"led","payload":"` + v + `"}}`); err != nil {
			return r, fmt.Errorf("send command: %w", err)
		}
		out, home := l.follow(ctx, v, shown)
		switch {
		case !counting:
		case out.IsZero() || home.IsZero():
			r.Lost++
		default:
			there.add(out.Sub(now))
			back.add(home.Sub(now))
		}
	}
	r.used(c.PID, before, usageNow(c.PID))
	r.timed("done", back.n, time.Since(began), &there)
	r.more("until the page sees it, p50 ms", ms(back.at(0.50)))
	r.more("until the page sees it, p99 ms", ms(back.at(0.99)))
	if back.n == 0 && ctx.Err() == nil {
		return r, errors.New("no command reached the node: may web clients send commands (--pyaiot-clients open)?")
	}
	return r, ctx.Err()
}

// follow waits for a value to reach the lamp and to be shown. Zero: it did not.
func (l *lamp) follow(ctx context.Context, v string, shown <-chan string) (out, home time.Time) {
	late := time.NewTimer(confirmIn)
	defer late.Stop()
	for out.IsZero() || home.IsZero() {
		select {
		case p := <-l.puts:
			if p.value == v && out.IsZero() {
				out = p.at
			}
		case got := <-shown:
			if got == v {
				home = time.Now()
			}
		case <-late.C:
			return out, home
		case <-ctx.Done():
			return out, home
		}
	}
	return out, home
}

// drainAll empties a channel.
func drainAll[T any](c <-chan T) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}
