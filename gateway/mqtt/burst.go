package mqtt

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// source is where messages come from.
type source struct {
	visitor *visitor // nil: through the broker outside, which knows who may do what
	carrier carrier
	session string // the visitor's, in our broker
}

// burst is what one client said in one go. The values of one thing go to the rooms
// together.
type burst struct {
	d   *Door
	ctx context.Context
	source

	shares []share // not handed to the rooms yet; one, unless the rooms wait for the disk
	size   int     // how many values they have
}

// share are the values of one thing in a burst.
type share struct {
	node   *node
	values []roost.Resource
	pubs   []*broker.Publication // that the values come from
}

// most is how many values go to the rooms at once, mostThings of how many things.
const most, mostThings = 4096, 256

func (b *burst) take(pubs []*broker.Publication) {
	for _, p := range pubs {
		at := placeOf(p.Topic)
		if b.visitor != nil && !b.d.mayPublish(b.visitor, at) {
			p.Reason = mqtt.NotAuthorized
			continue
		}
		b.one(p, at)
	}
	b.flush()
}

// one takes a message that its client may publish.
func (b *burst) one(p *broker.Publication, at place) {
	switch {
	case p.Retain && len(p.Payload) == 0:
		return // takes a retained message back, and says nothing
	case b.visitor == nil && p.Retain && at.kind != status:
		return // kept by the broker outside from who knows when
	}
	switch at.kind {
	case plain, odd, toNode, ours:
	case check:
		b.check(p)
	case resources:
		b.resources(p, at.own)
	case value:
		if v, ok := parseValue(p.Payload); ok {
			b.add(p, at.own, pyaiotTopics, roost.Resource{Name: at.resource, Value: v})
		}
	case readings:
		b.readings(p, at.own)
	case reading:
		when, err := parseTime(userTime(&p.Props))
		if err != nil {
			p.Reason = mqtt.PayloadFormatInvalid
			return
		}
		b.add(p, at.own, roostTopics, roost.Resource{Name: at.resource, Value: parseAny(p.Payload), At: when})
	case status:
		b.status(p, at.own)
	case reply:
		b.reply(p, at.own)
	case set:
		b.set(p, at)
	}
}

// add queues a value for the rooms.
func (b *burst) add(p *broker.Publication, own string, s scheme, rs ...roost.Resource) {
	for _, r := range rs {
		if !goodResource(r.Name) || len(r.Value) > b.d.cfg.MaxValue {
			p.Reason = mqtt.QuotaExceeded
			return
		}
	}
	if b.size+len(rs) > most || len(b.shares) == mostThings {
		b.flush()
	}
	i := b.share(own)
	if i < 0 {
		if !b.d.cfg.Commit {
			b.flush()
		}
		n, err := b.here(own, s)
		if err != nil {
			b.judge(p, err)
			return
		}
		i = len(b.shares)
		b.shares = append(b.shares, share{node: n})
	}
	to := &b.shares[i]
	to.node.speaks(s)
	to.values, to.pubs = append(to.values, rs...), append(to.pubs, p)
	b.size += len(rs)
}

// share gives the place of a thing's share, -1 if it has none.
func (b *burst) share(own string) int {
	for i := len(b.shares) - 1; i >= 0; i-- {
		if b.shares[i].node.own == own {
			return i
		}
	}
	return -1
}

// attend hands over what is queued and gives the node of an id.
func (b *burst) attend(own string, s scheme) (*node, error) {
	b.flush()
	return b.here(own, s)
}

// here gives the node of an id. It is here now, by this source.
func (b *burst) here(own string, s scheme) (*node, error) {
	if n, known := b.d.nodes.from(own, b.source); known {
		if _, arrived := n.thing(); arrived && !n.owed.Load() {
			return n, nil
		}
	}
	return b.d.present(b.ctx, own, b.source, s)
}

// atOnce bounds how many things of a burst are handed to the rooms side by side.
const atOnce = 64

// flush hands what is queued to the rooms. When these wait for the disk, all things do
// so together.
func (b *burst) flush() {
	if len(b.shares) == 1 {
		b.hand(&b.shares[0])
	} else {
		for some := range slices.Chunk(b.shares, atOnce) {
			var work sync.WaitGroup
			for i := range some {
				work.Go(func() { b.hand(&some[i]) })
			}
			work.Wait()
		}
	}
	clear(b.shares)
	b.shares, b.size = b.shares[:0], 0
}

func (b *burst) hand(s *share) {
	err := b.d.report(b.ctx, s.node, b.source, s.values)
	for _, p := range s.pubs {
		b.judge(p, err)
	}
}

// judge makes the rooms' word the answer to a publication.
func (b *burst) judge(p *broker.Publication, err error) {
	if err == nil {
		return
	}
	p.Reason = reasonOf(err)
	if p.Reason == mqtt.ImplementationError {
		if now, last := time.Now().Unix(), b.d.complained.Load(); now-last > complainEvery && b.d.complained.CompareAndSwap(last, now) {
			b.d.log.Warn("readings lost", "protocol", "mqtt", "remote", b.remote(), "err", err)
		}
	}
}

func (b *burst) remote() string {
	if b.visitor != nil {
		return b.visitor.remote
	}
	return b.d.away.address
}

// reasonOf is what PUBACK says of an error of the rooms.
func reasonOf(err error) mqtt.ReasonCode {
	switch roost.KindOf(err) {
	case roost.Denied, roost.Unauthorized:
		return mqtt.NotAuthorized
	case roost.NotFound:
		return mqtt.TopicNameInvalid
	case roost.Invalid:
		return mqtt.PayloadFormatInvalid
	case roost.TooLarge, roost.TooMany:
		return mqtt.QuotaExceeded
	}
	return mqtt.ImplementationError
}
