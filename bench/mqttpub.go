package bench

import (
	"context"
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

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
