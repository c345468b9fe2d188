package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// resource is what the updates are of: the values are numbers with its unit.
const resource = "humidity"

// announce is what a page says first.
const announce = `{"type":"new","data":"client"}`

// Fanout measures how many updates gateways get through to Pyaiot's web clients.
// Each update goes to every client. Defaults: 4 gateways of 10 things, 100
// clients, 64 updates under way.
func Fanout(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{gateways: 4, things: 10, clients: 100, inFlight: 64})
	if err := c.check(ctx, c.HTTP); err != nil {
		return Result{}, err
	}
	d := newDrive(c, c.Clients)
	pages, err := d.pages(ctx)
	defer pages.close()
	if err != nil {
		return Result{}, err
	}
	r, err := d.fromGateways(ctx, "fanout", pages)
	r.Load = map[string]int{"gateways": c.Gateways, "things each": c.Things, "clients": c.Clients, "updates in flight": c.InFlight}
	d.noteRate(&r)
	return r, err
}

// noteRate tells that updates left by the clock.
func (d *drive) noteRate(r *Result) {
	if d.c.Rate > 0 {
		delete(r.Load, "updates in flight")
		r.Load["updates a second"] = d.c.Rate
	}
}

// wsPath is where pages connect.
func (c Config) wsPath() string {
	if c.Token == "" {
		return "/ws"
	}
	return "/ws?token=" + url.QueryEscape(c.Token)
}

// readBuffer is the size of a reader's buffer: many readers get little ones.
func readBuffer(readers int) int {
	if readers > 200 {
		return 16 << 10
	}
	return 64 << 10
}

// pages opens Pyaiot's web clients and lets them read. The crowd is to be closed
// even after an error.
func (d *drive) pages(ctx context.Context) (*crowd, error) {
	pages := new(crowd)
	err := pages.dialAll(ctx, len(d.receivers), func(ctx context.Context, _ int) (*wsConn, error) {
		return dialWS(ctx, d.c.HTTP, d.c.wsPath(), "", readBuffer(len(d.receivers)))
	})
	if err == nil {
		err = pages.write(frame(nil, 1, []byte(announce)))
	}
	if err != nil {
		return pages, fmt.Errorf("open pages: %w", err)
	}
	pages.read(d.hear)
	return pages, nil
}

// gatewayUID names the i-th thing of a gateway.
func gatewayUID(gateway, i int) string {
	return "bench-" + strconv.Itoa(gateway) + "-" + strconv.Itoa(i)
}

// fromGateways opens gateways and measures what readers get of their things' values.
func (d *drive) fromGateways(ctx context.Context, name string, readers *crowd) (Result, error) {
	if d.c.Keys.Secret == "" {
		return Result{}, errors.New("the keys that gateways and broker share are needed: give --key-file")
	}
	gateways := new(crowd)
	defer gateways.close()
	err := gateways.dialAll(ctx, d.c.Gateways, func(ctx context.Context, g int) (*wsConn, error) {
		conn, err := dialWS(ctx, d.c.HTTP, "/gw", "token,"+d.c.Keys.Token(time.Now()), 4<<10)
		if err != nil {
			return nil, err
		}
		var b []byte
		for i := range d.c.Things {
			b = frame(b, 1, wire.AppendNew(nil, gatewayUID(g, i), wire.All))
		}
		if _, err := conn.Write(b); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	})
	if err != nil {
		return Result{}, fmt.Errorf("open gateways: %w", err)
	}
	gateways.read(deaf)
	senders := make([]*gatewaySender, d.c.Gateways)
	for g := range senders {
		senders[g] = &gatewaySender{conn: gateways.conns[g], gateway: g, things: d.c.Things}
	}
	err = d.settle(ctx, d.c.Gateways*d.c.Things, func(i int, number uint64) error {
		return senders[i/d.c.Things].write([]uint64{number})
	})
	if err != nil {
		return Result{}, err
	}
	loops := make([]func(context.Context) error, d.c.Gateways)
	for g, s := range senders {
		loops[g] = func(ctx context.Context) error { return d.send(ctx, d.c.Gateways, s.write) }
	}
	return d.measure(ctx, name, readers.close, loops...)
}

// gatewaySender writes updates of a gateway's things in turn.
type gatewaySender struct {
	conn            *wsConn
	gateway, things int
	next            int
	frames, message []byte
	value           []byte
}

func (s *gatewaySender) write(numbers []uint64) error {
	s.frames = s.frames[:0]
	for _, n := range numbers {
		s.value = append(value(append(s.value[:0], '"'), n), '"')
		s.message = wire.AppendUpdate(s.message[:0], gatewayUID(s.gateway, s.next), resource, string(s.value), wire.All)
		s.frames = frame(s.frames, 1, s.message)
		s.next = (s.next + 1) % s.things
	}
	_, err := s.conn.Write(s.frames)
	return err
}
