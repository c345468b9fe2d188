package mqttsn

import (
	"context"
	"sync"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
)

// lane is a queue of frames, its worker, and the clients that are the worker's alone.
type lane struct {
	d    *Door
	in   chan *packet
	poke chan struct{} // there is somebody in marked

	mu     sync.Mutex
	marked []*client

	// The worker's own.
	ctx        context.Context // of run
	clients    map[string]*client
	remembered memory
	strangers  strangers
	due        deadlines
	timer      *time.Timer
	armed      time.Duration // what timer waits for; 0: nothing
	now        time.Duration // when the present round began
	out        []byte        // the datagram being written
	turn       []*client
	deliveries []broker.Delivery
	pubs       [1]broker.Publication
}

func newLane(d *Door) *lane {
	return &lane{
		d: d, in: make(chan *packet, d.cfg.LaneLength), poke: make(chan struct{}, 1),
		clients:    map[string]*client{},
		remembered: memory{most: max(d.cfg.MaxClients/d.cfg.Lanes, 16)},
		deliveries: make([]broker.Delivery, 0, 32),
	}
}

// run works until ctx ends.
func (l *lane) run(ctx context.Context) {
	l.ctx = ctx
	l.timer = time.NewTimer(time.Hour)
	l.timer.Stop()
	defer l.timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.close()
			return
		case p := <-l.in:
			l.now = l.d.now()
			l.handle(p)
			l.d.queued.Add(-int64(len(p.body)) - 64)
			p.free()
		case <-l.poke:
			l.now = l.d.now()
		case <-l.timer.C:
			l.now, l.armed = l.d.now(), 0
		}
		l.tend()
		l.lapse()
	}
}

// mark has the worker look at a client soon. Any goroutine may.
func (l *lane) mark(c *client) {
	l.mu.Lock()
	l.marked = append(l.marked, c)
	l.mu.Unlock()
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// tend looks at the clients that were marked.
func (l *lane) tend() {
	l.mu.Lock()
	l.marked, l.turn = l.turn[:0], l.marked
	l.mu.Unlock()
	for i, c := range l.turn {
		l.turn[i] = nil
		l.attend(c, c.flags.Swap(0))
	}
}

// attend does what marks ask for.
func (l *lane) attend(c *client, marks uint32) {
	switch {
	case c.state == gone:
	case marks&displaced != 0: // another client has this one's address
		l.end(c, broker.End{How: broker.TakenOver, Will: true})
	case marks&cut != 0:
		l.d.log.Debug("MQTT-SN client cut", "protocol", protocol, "remote", c.key, "code", c.code.Load())
		l.dismiss(c)
	case marks&woken != 0:
		c.hungry = true
		l.pump(c)
	}
}

// lapse does what has become due, and sets the timer for the next.
func (l *lane) lapse() {
	for {
		c := l.due.first()
		if c == nil {
			return
		}
		if c.at > l.now {
			break
		}
		if at := c.deadline(); at > l.now { // it has moved away since
			l.due.set(c, at)
			continue
		}
		l.overdue(c)
		if c.state != gone {
			l.due.set(c, max(c.deadline(), l.now+time.Millisecond))
		}
	}
	if at := l.due.first().at; at != l.armed {
		l.armed = at
		l.timer.Reset(at - l.now)
	}
}

// hasten brings a client's deadline forward in the heap; one that has moved away is
// found out when the old one comes.
func (l *lane) hasten(c *client) {
	if at := c.deadline(); c.pos < 0 || at < c.at {
		l.due.set(c, at)
	}
}

// close ends all sessions because the server stops.
func (l *lane) close() {
	l.ctx = context.WithoutCancel(l.ctx)
	for _, c := range l.due.all {
		if c.state == active {
			l.disconnect(c)
		}
		c.abandon(l.ctx)
		c.endSession(l.ctx, broker.End{How: broker.Stopped})
	}
}
