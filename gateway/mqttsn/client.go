package mqttsn

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

const protocol = string(roost.MQTTSN)

// state is where a client is in its life (6.14).
type state byte

const (
	connecting state = iota // asked for its will
	active
	asleep
	awake  // has asked for what waits, and gets it
	casual // publishes with QoS −1 and never connected
	gone
)

// Marks, set from any goroutine.
const (
	woken uint32 = 1 << iota
	cut
	displaced
)

// client is one client between its CONNECT and its end. All but flags and code are its
// lane's.
type client struct {
	lane    *lane
	conn    Conn // it was last heard by
	key     key
	id      string
	session *broker.Session // nil while connecting
	state   state

	clean  bool
	fresh  bool // nothing but what belongs to its CONNECT was heard
	noDup  bool // it refuses the DUP flag
	hungry bool // the session may have something

	keepAlive time.Duration // 0: none
	sleep     time.Duration
	heard     time.Duration // last
	probed    time.Duration // last PINGREQ to it

	request uint64          // hash of its CONNECT
	opened  time.Duration   // when it came
	before  *broker.Session // of the client of the same id until now, while connecting
	will    *mqtt.Will
	topics  topics
	answers answers
	out     *outgoing // nil: never had anything

	at    time.Duration // in the lane's heap
	pos   int           // in it; -1: not there
	flags atomic.Uint32
	code  atomic.Uint32 // of the cut
}

// Wake implements broker.Peer.
func (c *client) Wake() { c.mark(woken) }

// Cut implements broker.Peer.
func (c *client) Cut(code mqtt.ReasonCode) {
	c.code.Store(uint32(code))
	c.mark(cut)
}

// mark has the lane look at the client: once, however many marks there are.
func (c *client) mark(bit uint32) {
	if c.flags.Or(bit) == 0 {
		c.lane.mark(c)
	}
}

// deadline is when something is due with the client.
func (c *client) deadline() time.Duration {
	at := c.lostAt()
	if c.waits() {
		at = min(at, c.out.again)
	}
	if c.state == active && c.keepAlive > 0 {
		at = min(at, c.probeAt())
	}
	return at
}

// lostAt is when the client is given up if nothing is heard until then: half as much
// again as it said.
func (c *client) lostAt() time.Duration {
	switch {
	case c.state == asleep || c.state == awake:
		return c.heard + c.sleep + c.sleep/2
	case c.state == casual:
		return c.heard + casualSilence
	case c.keepAlive > 0:
		return c.heard + c.keepAlive + c.keepAlive/2
	}
	return c.heard + c.lane.d.cfg.MaxSilence
}

// probeAt is when the client is asked whether it is there: it sends its own PINGREQ
// but once, and that may get lost.
func (c *client) probeAt() time.Duration {
	if c.probed > c.heard {
		return c.probed + c.lane.d.cfg.Retry
	}
	return c.heard + c.keepAlive
}

// waits tells whether something is sent again if the client does not answer.
func (c *client) waits() bool {
	return c.out != nil && c.out.stage != idle && c.state != asleep && c.state != casual
}

// overdue does what is due with a client.
func (l *lane) overdue(c *client) {
	switch {
	case c.lostAt() <= l.now:
		l.lose(c)
	case c.waits() && c.out.again <= l.now:
		l.again(c)
	default:
		c.probed = l.now
		send(l, c.conn, c.key, mqttsn.Pingreq{})
	}
}

// lose ends a client that fell silent.
func (l *lane) lose(c *client) {
	if c.state == casual {
		l.end(c, broker.End{How: broker.Clean})
		return
	}
	if c.state != connecting {
		l.d.count.lost.Add(1)
		l.d.log.Debug("MQTT-SN client lost", "protocol", protocol, "remote", c.key, "silent", l.now-c.heard)
	}
	l.dismiss(c)
}

// dismiss tells a client that it is no longer known.
func (l *lane) dismiss(c *client) {
	l.disconnect(c)
	l.end(c, broker.End{How: broker.Lost, Will: true})
}

func (l *lane) disconnect(c *client) { send(l, c.conn, c.key, mqttsn.Disconnect{}) }

// end ends a client and its connection to the broker.
func (l *lane) end(c *client, how broker.End) {
	l.drop(c)
	c.abandon(l.ctx)
	c.endSession(l.ctx, how)
}

func (c *client) endSession(ctx context.Context, how broker.End) {
	if c.session != nil {
		c.session.End(ctx, how)
	}
}

// drop forgets a client. What a session that remains needs is kept for its return.
func (l *lane) drop(c *client) {
	l.d.known.remove(c)
	l.due.remove(c)
	if l.clients[c.id] == c {
		delete(l.clients, c.id)
	}
	l.become(c, gone)
	if c.clean || c.session == nil {
		l.forgetTopics(&c.topics)
		return
	}
	l.remember(c)
}

// become changes a client's state.
func (l *lane) become(c *client, s state) {
	n := &l.d.count.asleep
	switch was := c.state; {
	case was == s:
		return
	case was == asleep:
		n.Add(-1)
	case was == casual:
		l.d.casual.Add(-1)
	}
	switch c.state = s; s {
	case asleep:
		n.Add(1)
	case casual:
		l.d.casual.Add(1)
	}
}
