package coap

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// retryAfterFailure is how long a node is left alone that did not answer its
// discovery, or that ended an observation, before a greeting of it starts another.
const retryAfterFailure = 5 * time.Minute

// maxSilence is how many resources in a row may stay unanswered before the node
// counts as gone and its discovery ends.
const maxSilence = 2

// queue lets a bounded number of discoveries run. Those that wait are bounded by
// the number of nodes, since a node stands in it at most once.
type queue struct {
	most int

	mu      sync.Mutex
	running int
	waiting []*node
}

// enter says whether n's discovery may start now; else it waits.
func (q *queue) enter(n *node) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running < q.most {
		q.running++
		return true
	}
	q.waiting = append(q.waiting, n)
	return false
}

// next gives the node whose turn it is, nil if none waits.
func (q *queue) next() *node {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.running--
		q.waiting = nil
		return nil
	}
	n := q.waiting[0]
	q.waiting = q.waiting[1:]
	return n
}

func (q *queue) size() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, len(q.waiting)
}

// discover starts a discovery of n, unless one is under way: that one starts over
// if the node has restarted since. done, if any, is told how it ended.
func (d *Door) discover(n *node, restarted bool, done chan error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		if done != nil {
			done <- command.ErrGone
		}
		return
	}
	if done != nil {
		n.asked = append(n.asked, done)
	}
	if n.exploring {
		if restarted && n.cancel != nil {
			n.again = true
			n.cancel()
		}
		return
	}
	n.exploring = true
	if d.explore.enter(n) && !d.spawn(func() { d.exploreAll(n) }) {
		n.exploring = false
	}
}

// exploreAll discovers n and then, one by one, the nodes that wait for their turn.
func (d *Door) exploreAll(n *node) {
	for ; n != nil; n = d.explore.next() {
		for d.exploreOnce(n) {
		}
	}
}

// exploreOnce discovers n and tells whether to do it again.
func (d *Door) exploreOnce(n *node) (again bool) {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	n.mu.Lock()
	n.again, n.cancel = false, cancel
	gone := n.gone
	n.mu.Unlock()
	err := command.ErrGone
	if !gone && ctx.Err() == nil {
		err = d.read(ctx, n)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.again && !n.gone && d.ctx.Err() == nil {
		return true
	}
	n.exploring, n.cancel = false, nil
	n.failed, n.next = err != nil, d.now()+retryAfterFailure
	for _, done := range n.asked {
		done <- err
	}
	n.asked = nil
	return false
}

// read asks a node for its list of resources and for each of them, one after the
// other: a RIOT node serves one request at a time from a buffer of 128 bytes.
func (d *Door) read(ctx context.Context, n *node) error {
	if err := n.introduce(ctx); err != nil {
		return err
	}
	a, at, err := n.find(ctx, ".well-known/core")
	if err != nil {
		d.log.Debug("node not discovered", "thing", n.uid, "protocol", "coap", "err", err)
		return err
	}
	if a.Code != coap.Content {
		d.log.Debug("node lists no resources", "thing", n.uid, "protocol", "coap", "remote", at, "code", a.Code.String())
		return nil // it is there, and has nothing to be asked for
	}
	links, err := linksOf(string(a.Payload), d.cfg.MaxResources)
	if err != nil {
		d.log.Debug("list of resources is malformed", "thing", n.uid, "protocol", "coap", "remote", at, "err", err)
	}
	silent := 0
	for _, l := range links {
		err := d.readOne(ctx, n, at, l)
		switch {
		case err == nil:
			silent = 0
			continue
		case ctx.Err() != nil, roost.KindOf(err) != roost.Internal, errors.Is(err, command.ErrGone):
			return err // what the Core said: nothing more is taken of this node
		}
		d.log.Debug("resource not read", "thing", n.uid, "protocol", "coap", "remote", at, "resource", l.name, "err", err)
		if errors.Is(err, exchange.ErrTimeout) {
			if silent++; silent == maxSilence {
				n.worked(unknown)
				return err
			}
		}
	}
	return nil
}

// readOne reads or observes one resource and reports its value.
func (d *Door) readOne(ctx context.Context, n *node, at netip.AddrPort, l link) error {
	if l.observable {
		done, err := n.watch(ctx, at, l)
		if done || err != nil {
			return err
		}
	}
	a, err := d.end.Do(ctx, at, request(codeGET, l.name, nil))
	if err != nil {
		return err
	}
	return n.told(ctx, l, a)
}

// told reports a response to a GET, if it is a value.
func (n *node) told(ctx context.Context, l link, a exchange.Response) error {
	v, ok := contentOf(l.name, a, n.door.cfg.MaxValue)
	if !ok {
		n.door.log.Debug("content not reported", "thing", n.uid, "protocol", "coap", "resource", l.name,
			"code", a.Code.String(), "bytes", len(a.Payload))
		return nil
	}
	return n.report(ctx, l.name, v, l.writable)
}

// wanting tells that something was expected of the node and does not come: its
// list of resources, or news of an observed one. Not more often than every
// retryAfterFailure.
func (n *node) wanting(now time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.exploring || now < n.next {
		return false
	}
	for _, w := range n.watches {
		if w.over() {
			return true
		}
	}
	return n.failed
}

// refresh discovers the node again because somebody asked for it.
func (n *node) refresh(ctx context.Context, c roost.Command) error {
	done := make(chan error, 1)
	n.door.discover(n, false, done)
	select {
	case err := <-done:
		if err != nil {
			return n.why(err)
		}
	case <-ctx.Done():
		return ctx.Err()
	case <-n.door.ctx.Done():
		return unreached(exchange.ErrClosed)
	}
	return n.door.core.Answer(ctx, gateway.Answer{Ref: c.Ref, ID: c.ID, State: roost.Done})
}

// why turns the end of a discovery into what people are told.
func (n *node) why(err error) error {
	switch {
	case errors.Is(err, command.ErrGone), roost.KindOf(err) != roost.Internal:
		return err
	case errors.Is(err, context.Canceled):
		return command.ErrGone
	case errors.Is(err, errNoWay):
		return roost.Because(roost.Unavailable, err, "The thing has no address to ask at.")
	}
	return unreached(err)
}
