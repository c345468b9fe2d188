package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// MQTTSingle measures what a message costs a broker when it comes alone: many
// clients, each with one QoS 1 message open, to nobody. So every packet is a read
// and every answer a write. Default: 100 clients (Things).
func MQTTSingle(ctx context.Context, c Config) (Result, error) {
	c, err := c.mqttDefaults(ctx, load{things: 100, clients: 1, inFlight: 1})
	if err != nil {
		return Result{}, err
	}
	if !canPoll {
		return Result{}, errors.New("mqtt-single needs Linux: elsewhere the generator would cost more than the broker")
	}
	d, err := newMQTTDrive(ctx, c, c.Things, 0, 1)
	defer d.crowd.close()
	if err != nil {
		return Result{}, err
	}
	s := &singles{d: d, ends: make([]*single, len(d.pubs))}
	conns := make([]*net.TCPConn, len(d.pubs))
	for i, p := range d.pubs {
		s.ends[i], conns[i] = &single{mqttPub: p}, p.conn.TCPConn
	}
	r, err := s.measure(ctx, conns)
	r.Scenario, r.Load = "mqtt-single", map[string]int{"clients": c.Things, "in flight each": 1, "bytes a message": c.Payload}
	return r, err
}

// unanswered is how long nobody may be answered before the broker is given up.
const unanswered = 20 * time.Second

// singles is clients that all are driven by one thread.
type singles struct {
	d       *mqttDrive
	ends    []*single
	count   atomic.Uint64
	took    histogram
	waiting int64 // ns since the drive began: answers came last
}

type single struct {
	*mqttPub
	to   socket
	left int64 // when the open message left
}

func (s *singles) measure(ctx context.Context, conns []*net.TCPConn) (r Result, err error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- poll(running, conns, stillFor, s.begin, s.ready, s.idle)
	}()
	pause(running, s.d.c.Warmup)
	before, start := usageNow(s.d.c.PID), s.d.now()
	s.d.from.Store(start)
	pause(running, s.d.c.Duration)
	finish := s.d.now()
	s.d.to.Store(finish)
	r.used(s.d.c.PID, before, usageNow(s.d.c.PID))
	stop()
	err = <-ended
	r.timed("acknowledged", s.count.Load(), time.Duration(finish-start), &s.took)
	return r, errors.Join(err, ctx.Err())
}

func (s *singles) begin(i int, to socket) error {
	s.ends[i].to = to
	return s.ends[i].leave(s.d.now())
}

// leave sends the next message.
func (e *single) leave(now int64) error {
	e.left = now
	e.sent++
	b := e.packet[e.payload:]
	binary.BigEndian.PutUint16(e.packet[e.payload-2:], e.id())
	binary.BigEndian.PutUint64(b, e.sent)
	binary.BigEndian.PutUint64(b[8:], uint64(now))
	if _, err := e.to.Write(e.packet); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

func (e *single) id() uint16 { return uint16(e.sent%math.MaxUint16) + 1 }

// ready reads the answer, and the next message leaves.
func (s *singles) ready(i int) error {
	e := s.ends[i]
	m := e.conn
	if err := m.makeRoom(); err != nil {
		return err
	}
	n, err := e.to.read(m.buf[m.end:])
	if err != nil {
		return fmt.Errorf("read PUBACK: %w", err)
	}
	m.end += n
	done := false
	err = m.packets(func(head byte, body []byte) {
		done = done || mqtt.TypeOf(head) == mqtt.TypePuback && len(body) >= 2 && binary.BigEndian.Uint16(body) == e.id()
	})
	if err != nil || !done {
		return err
	}
	now := s.d.now()
	s.waiting = now
	if now >= s.d.from.Load() && now < s.d.to.Load() {
		s.count.Add(1)
		s.took.add(time.Duration(now - e.left))
	}
	return e.leave(now)
}

// idle gives up when nobody is answered any more.
func (s *singles) idle() error {
	if time.Duration(s.d.now()-s.waiting) > unanswered {
		return errors.New("the broker does not acknowledge messages of QoS 1")
	}
	return nil
}
