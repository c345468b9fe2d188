package broker_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// A crowd comes, goes, takes over, subscribes, retains and is lost all at once, while
// what some publish with QoS 1 and 2 must reach one who is often taken over itself.
func TestCrowdDisturbsNobody(t *testing.T) {
	h := open(t, broker.Config{Commit: true, Limits: broker.Limits{MaxSessions: 30}})
	h.stop()
	h.tape = h.tape.copied()
	h.start()
	h.RewriteFrom(2000)
	connect(t, h.Broker, "reader", keep(1000)).subscribe("news/#", 2).lose()

	over := make(chan struct{})
	var crowd, work sync.WaitGroup
	for n := range 8 {
		crowd.Go(func() { mill(t, h.Broker, rand.New(rand.NewPCG(1, uint64(n))), over) })
	}
	const publishers, messages = 3, 100
	for n := range publishers {
		work.Go(func() {
			p := connect(t, h.Broker, fmt.Sprint("publisher-", n), keep(1000))
			for i := range messages {
				p.publish(fmt.Sprint("news/", n), fmt.Sprintf("%d-%03d", n, i), byte(1+n%2))
			}
		})
	}
	r := &reader{t: t, b: h.Broker, got: map[string]int{}, unread: map[uint16]bool{}}
	deadline := time.Now().Add(60 * time.Second)
	for len(r.got) < publishers*messages && time.Now().Before(deadline) {
		r.connectAndRead()
	}
	close(over)
	crowd.Wait()
	work.Wait()
	r.connectAndRead()
	for n := range publishers {
		for i := range messages {
			key := fmt.Sprintf("%d-%03d", n, i)
			if times := r.got[key]; times < 1 || n%2 == 1 && times > 1 {
				t.Errorf("message %s of QoS %d arrived %d times", key, 1+n%2, times)
			}
		}
	}
}

// reader keeps its side of a session over its connections.
type reader struct {
	t      *testing.T
	b      *broker.Broker
	got    map[string]int
	unread map[uint16]bool // QoS 2 not released
}

// connectAndRead takes the session over from the connection before, and reads until
// nothing comes for a moment.
func (r *reader) connectAndRead() {
	c := connect(r.t, r.b, "reader", keep(1000), window(5))
	for {
		row := c.take()
		for _, d := range row {
			r.read(c, d)
		}
		if len(row) > 0 {
			continue
		}
		select {
		case <-c.woken:
		case <-time.After(20 * time.Millisecond):
			return
		}
	}
}

func (r *reader) read(c *client, d broker.Delivery) {
	if d.Type == mqtt.TypePubrel {
		delete(r.unread, d.ID)
		c.Completed(d.ID)
		return
	}
	if !r.unread[d.ID] {
		r.got[string(d.Message.Payload)]++
	}
	if d.QoS == 2 {
		r.unread[d.ID] = true
	}
	c.confirm(d)
}

// mill is one of the crowd.
func mill(t *testing.T, b *broker.Broker, r *rand.Rand, over chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		options := []option{lastWill(uint32(r.IntN(2))), window(uint16(1 + r.IntN(4)))}
		if r.IntN(2) == 0 {
			options = append(options, keep(uint32(r.IntN(3))))
		}
		c := connect(t, b, fmt.Sprint("crowd-", r.IntN(6)), options...)
		for range r.IntN(20) {
			ramble(c, r)
		}
		if r.IntN(3) > 0 {
			c.End(t.Context(), broker.End{How: broker.Gone(r.IntN(2))})
		}
	}
}

// ramble does something, on a connection that may be over.
func ramble(c *client, r *rand.Rand) {
	filter := []string{"#", "crowd/+", "news/1", "$share/g/crowd/#", "w"}[r.IntN(5)]
	switch r.IntN(5) {
	case 0:
		c.Subscribe(c.t.Context(), []mqtt.Subscription{{Filter: filter, QoS: byte(r.IntN(3))}}, 0)
	case 1:
		c.Unsubscribe(c.t.Context(), []string{filter})
	case 2:
		pub := mqtt.Publish{Topic: fmt.Sprint("crowd/", r.IntN(3)), Payload: []byte("x"), QoS: byte(r.IntN(3)), ID: uint16(1 + r.IntN(5)), Retain: r.IntN(2) == 0}
		_ = c.Publish(c.t.Context(), []broker.Publication{{Publish: pub}}) // an error: it was taken over
		c.Release(pub.ID)
	default:
		for _, d := range c.take() {
			if r.IntN(4) > 0 {
				c.confirm(d)
			}
		}
	}
}
