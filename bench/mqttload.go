package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roost-iot/roost/wire/mqtt"
)

// mqttHead is what stands at the beginning of every payload: the message's number
// among its publisher's, the time when it left (ns since the drive began), the
// publisher.
const mqttHead = 8 + 8 + 4

// mqttDrive is publishers and subscribers of whom each gets every message. A
// message is in flight until every subscriber has it and, with QoS 1, its publisher
// the PUBACK; each publisher has at most a window of them.
type mqttDrive struct {
	c      Config
	qos    byte
	began  time.Time
	pubs   []*mqttPub
	subs   []*mqttSub
	stalls atomic.Int64

	from, to atomic.Int64 // deliveries at that time (ns since began) are counted

	crowd   mqttCrowd
	reading sync.WaitGroup
}

// newMQTTDrive connects so many publishers and subscribers. It is to be closed even
// after an error.
func newMQTTDrive(ctx context.Context, c Config, pubs, subs int, qos byte) (*mqttDrive, error) {
	d := &mqttDrive{c: c, qos: qos, began: time.Now()}
	d.from.Store(math.MaxInt64)
	d.to.Store(math.MaxInt64)
	if c.Payload < mqttHead || c.Payload > 64<<10 {
		return d, fmt.Errorf("messages of %d bytes: between %d and %d are possible", c.Payload, mqttHead, 64<<10)
	}
	if c.Rate != 0 {
		return d, errors.New("MQTT messages leave as the broker takes them: --rate is not possible")
	}
	if max(c.InFlight, 1) > math.MaxUint16 {
		return d, fmt.Errorf("%d in flight: a publisher has %d packet identifiers", c.InFlight, math.MaxUint16)
	}
	run := fmt.Sprintf("bench-%x", d.began.UnixNano())
	err := d.crowd.dialAll(ctx, pubs+subs, func(ctx context.Context, i int) (*mqttConn, error) {
		conn, err := c.dialMQTT(ctx, fmt.Sprintf("%s-%d", run, i), readBuffer(subs))
		if err == nil && i >= pubs {
			err = conn.subscribe(run+"/#", qos)
		}
		return conn, err
	})
	if err != nil {
		return d, err
	}
	for i, conn := range d.crowd.conns {
		if i < pubs {
			d.pubs = append(d.pubs, newMQTTPub(d, conn, i, fmt.Sprintf("%s/p%d", run, i)))
		} else {
			d.subs = append(d.subs, &mqttSub{d: d, conn: conn, next: make([]uint64, pubs), seen: make([]counter, pubs)})
		}
	}
	return d, nil
}

func (d *mqttDrive) now() int64 { return int64(time.Since(d.began)) }

// close ends every connection and waits for the readers.
func (d *mqttDrive) close() {
	d.crowd.close()
	d.reading.Wait()
}

// measure lets publishers publish: it warms up, counts, and waits for the rest.
func (d *mqttDrive) measure(ctx context.Context, name string) (Result, error) {
	defer d.close()
	for _, s := range d.subs {
		d.reading.Go(s.loop)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	all, publishing := errgroup.WithContext(running)
	for _, p := range d.pubs {
		if d.qos > 0 {
			d.reading.Go(p.confirm)
		}
		all.Go(func() error { return p.run(publishing) })
	}
	r := Result{Scenario: name, Load: map[string]int{
		"publishers": len(d.pubs), "subscribers": len(d.subs), "in flight each": d.c.InFlight, "bytes a message": d.c.Payload,
	}}
	pause(publishing, d.c.Warmup)
	before, start := usageNow(d.c.PID), d.now()
	d.from.Store(start)
	pause(publishing, d.c.Duration)
	finish := d.now()
	d.to.Store(finish)
	r.used(d.c.PID, before, usageNow(d.c.PID))
	stop()
	err := all.Wait()
	d.drain(ctx)
	d.close()
	d.sum(&r, time.Duration(finish-start))
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	return r, ctx.Err()
}

// drain waits for what is under way.
func (d *mqttDrive) drain(ctx context.Context) {
	for late := time.Now().Add(drainIn); time.Now().Before(late); {
		open := uint64(0)
		for _, p := range d.pubs {
			open += p.sent - p.done()
		}
		if open == 0 || !pause(ctx, time.Millisecond) {
			return
		}
	}
}

// sum adds up what the subscribers counted; all has ended.
func (d *mqttDrive) sum(r *Result, in time.Duration) {
	var took histogram
	var count, twice uint64
	for _, s := range d.subs {
		count += s.count
		twice += s.twice
		r.Lost += s.gaps
		for i, p := range d.pubs {
			r.Lost += p.sent - s.next[i]
		}
		took.merge(&s.took)
	}
	r.Stalls = int(d.stalls.Load())
	r.timed("delivered", count, in, &took)
	if twice > 0 {
		r.more("came twice", float64(twice))
	}
}

// counter is written by one goroutine and read by others; it has a cache line of its own.
type counter struct {
	atomic.Uint64
	_ [56]byte
}

// mqttPub publishes as fast as its window lets it.
type mqttPub struct {
	d     *mqttDrive
	conn  *mqttConn
	index int

	sent    uint64
	givenUp uint64        // messages before this one are not waited for any more
	acked   atomic.Uint64 // PUBACKs
	wake    chan struct{} // something has arrived

	packet  []byte // a PUBLISH, but for packet identifier and mqttHead
	payload int    // where it begins in packet
	out     []byte
}

func newMQTTPub(d *mqttDrive, conn *mqttConn, index int, topic string) *mqttPub {
	p := &mqttPub{d: d, conn: conn, index: index, wake: make(chan struct{}, 1)}
	payload := make([]byte, d.c.Payload)
	for i := range payload {
		payload[i] = 'x'
	}
	m := mqtt.Publish{Topic: topic, QoS: d.qos, ID: uint16(d.qos), Payload: payload}
	p.packet = m.Append(nil, mqtt.V311)
	p.payload = len(p.packet) - len(payload)
	return p
}

// done is how many messages have arrived everywhere.
func (p *mqttPub) done() uint64 {
	n := uint64(math.MaxUint64)
	if p.d.qos > 0 {
		n = p.acked.Load()
	}
	for _, s := range p.d.subs {
		n = min(n, s.seen[p.index].Load())
	}
	return n
}

func (p *mqttPub) run(ctx context.Context) error {
	still := time.NewTimer(stillFor)
	defer still.Stop()
	for ctx.Err() == nil {
		free := p.d.c.InFlight - int(p.sent-max(p.done(), p.givenUp))
		if free > 0 {
			if err := p.publish(free); err != nil {
				return err
			}
			still.Reset(stillFor)
			continue
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
		case <-still.C:
			p.d.stalls.Add(1)
			p.givenUp = p.sent
		}
	}
	return nil
}

// publish writes n messages.
func (p *mqttPub) publish(n int) error {
	now := uint64(p.d.now())
	p.out = p.out[:0]
	for range n {
		at := len(p.out)
		p.out = append(p.out, p.packet...)
		b := p.out[at+p.payload:]
		if p.d.qos > 0 {
			binary.BigEndian.PutUint16(p.out[at+p.payload-2:], uint16(p.sent%math.MaxUint16)+1)
		}
		binary.BigEndian.PutUint64(b, p.sent)
		binary.BigEndian.PutUint64(b[8:], now)
		binary.BigEndian.PutUint32(b[16:], uint32(p.index))
		p.sent++
	}
	_, err := p.conn.Write(p.out)
	return err
}

// confirm counts PUBACKs until the connection ends.
func (p *mqttPub) confirm() {
	for {
		n := uint64(0)
		err := p.conn.receive(func(head byte, _ []byte) {
			if mqtt.TypeOf(head) == mqtt.TypePuback {
				n++
			}
		})
		if err != nil {
			return
		}
		p.acked.Add(n)
		p.rouse()
	}
}

// rouse tells the publisher that something has arrived.
func (p *mqttPub) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// mqttSub is one subscriber.
type mqttSub struct {
	d    *mqttDrive
	conn *mqttConn
	at   int64 // when the packets now looked at were read; 0: not looked yet
	acks []byte

	next        []uint64  // number of each publisher's message to come
	seen        []counter // the same, for the publishers
	count       uint64    // deliveries while it was counted
	gaps, twice uint64
	took        histogram
}

// loop reads until the connection ends.
func (s *mqttSub) loop() {
	for {
		s.at = 0
		if s.conn.receive(s.take) != nil {
			return
		}
		if len(s.acks) > 0 {
			_, err := s.conn.Write(s.acks)
			s.acks = s.acks[:0]
			if err != nil {
				return
			}
		}
		for i := range s.next {
			if s.seen[i].Load() != s.next[i] {
				s.seen[i].Store(s.next[i])
				s.d.pubs[i].rouse()
			}
		}
	}
}

// take counts a message.
func (s *mqttSub) take(head byte, body []byte) {
	if mqtt.TypeOf(head) != mqtt.TypePublish {
		return
	}
	id, b, ok := published(head, body)
	if !ok || len(b) < mqttHead {
		return
	}
	if id != 0 {
		s.acks = mqtt.AppendAck(s.acks, mqtt.V311, mqtt.TypePuback, id, mqtt.Success)
	}
	number, sent, from := binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:])), int(binary.BigEndian.Uint32(b[16:]))
	if from >= len(s.next) {
		return
	}
	switch next := &s.next[from]; {
	case number < *next:
		s.twice++
		return
	default:
		s.gaps += number - *next
		*next = number + 1
	}
	if s.at == 0 {
		s.at = s.d.now()
	}
	if s.at >= s.d.from.Load() && s.at < s.d.to.Load() {
		s.count++
		s.took.add(time.Duration(s.at - sent))
	}
}
