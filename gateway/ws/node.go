package ws

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// doorName is the Door of the identities that come through here.
const doorName = "ws"

const (
	// complainEvery keeps a full store from filling the log; in seconds.
	complainEvery = 10
	// firstWait doubles up to lastWait while the rooms are too full: 5 s in all.
	firstWait = 5 * time.Millisecond
	lastWait  = 2500 * time.Millisecond
)

// node is one connection; it is its own Link.
type node struct {
	d      *Door
	conn   *websocket.Conn
	remote string
	own    string
	named  bool // own was made from the address

	before <-chan struct{} // closed when the connection before it has had its turn; nil: there was none
	turn   chan struct{}   // its own turn to arrive

	ref        roost.Ref     // set before the first message is read
	discovered atomic.Bool   // it was asked for its resources, so it is enrolled
	arrived    chan struct{} // closed once ref stands
	complained atomic.Int64  // when, Unix s
	hopeless   atomic.Bool   // the rooms took nothing for as long as we wait
}

// serve takes the node in. It is listened to in a goroutine of its own: taking it in
// takes a deeper stack, and that would be kept for as long as its connection lasts.
func (n *node) serve() {
	if err := n.arrive(); err != nil {
		defer n.d.forget(n)
		_ = n.conn.Close(websocket.Policy, roost.Message(err)) // it is refused one way or the other
		n.d.cfg.Log.Info("node refused", "thing", n.own, "remote", n.remote, "err", err)
		return
	}
	n.d.work.Go(n.listen)
}

// listen reads until the connection ends.
func (n *node) listen() {
	defer n.d.forget(n)
	err := n.read()
	n.finish(err)
	ctx, stop := context.WithTimeout(context.WithoutCancel(n.d.life), 5*time.Second)
	defer stop()
	if err := n.d.cfg.Core.Leave(ctx, n.ref, n); err != nil && roost.KindOf(err) != roost.NotFound {
		n.d.cfg.Log.Warn("thing not signed off", "thing", n.ref.Thing, "err", err)
	}
}

func (n *node) arrive() error {
	ctx, stop := context.WithTimeout(n.d.life, 30*time.Second)
	defer stop()
	if n.before != nil {
		select {
		case <-n.before:
		case <-ctx.Done():
		}
	}
	standing, err := n.d.cfg.Core.Arrive(ctx, gateway.Arrival{
		Project: n.d.cfg.Project, Identity: roost.Identity{Door: doorName, Own: n.own},
		Protocol: roost.WebSocket, Address: n.remote, Bound: true, Link: n,
	})
	n.d.mu.Lock()
	n.d.pass(n.own, n.turn)
	n.d.mu.Unlock()
	if err != nil {
		return err
	}
	n.ref = standing.Ref
	close(n.arrived)
	if standing.Enrolment == roost.Enrolled {
		_ = n.discover(ctx) // it is in; reading will tell if it has gone
	}
	return nil
}

// discover says what the node speaks and asks it for its resources.
func (n *node) discover(ctx context.Context) error {
	n.discovered.Store(true)
	n.report(ctx, []roost.Resource{{Name: "protocol", Value: roost.Text(string(roost.WebSocket))}})
	return n.write(wire.Discover)
}

// finish ends the connection the way err asks for.
func (n *node) finish(err error) {
	refusal, refused := errors.AsType[*wire.Refusal](err)
	closed, isClose := errors.AsType[*websocket.CloseError](err)
	switch {
	case refused:
		n.d.cfg.Log.Info("node sent garbage", "thing", n.ref.Thing, "remote", n.remote, "err", err)
		n.leaveFirst(refusal.Code, refusal.Reason)
	case isClose && !closed.Peer:
		n.leaveFirst(closed.Code, closed.Reason)
	default:
		_ = n.conn.Cut()
	}
}

// leaveFirst closes; the rooms need not wait for a node that does not answer.
func (n *node) leaveFirst(code uint16, reason string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(n.d.life), 5*time.Second)
	defer stop()
	_ = n.d.cfg.Core.Leave(ctx, n.ref, n) // serve says it again and logs
	_ = n.conn.Close(code, reason)
}

func (n *node) read() error {
	for {
		op, raw, err := n.conn.Next()
		if err != nil {
			return err
		}
		if op == websocket.Binary {
			if raw, err = wire.FromBinary(raw); err != nil {
				return err
			}
		}
		m, err := wire.Parse(raw)
		if err != nil {
			return err
		}
		if m.Type != wire.Update {
			continue // valid, and nothing a node can say
		}
		pairs, ok := wire.Pairs(m.Data)
		if !ok {
			return wire.Invalid(raw)
		}
		n.take(pairs)
	}
}

// take reports what a node sent. While it waits for approval nothing of that is kept.
func (n *node) take(pairs []wire.Pair) {
	values := make([]roost.Resource, 0, len(pairs))
	for _, p := range pairs {
		if p.Name != "" && len(p.Name) <= maxWord {
			values = append(values, roost.Resource{Name: p.Name, Value: roost.Value(p.Value)})
		}
	}
	if n.report(n.d.life, values) && !n.discovered.Load() {
		_ = n.discover(n.d.life) // approved meanwhile; reading will tell if it failed
	}
}

// report hands values to the rooms and tells whether they took them.
func (n *node) report(ctx context.Context, values []roost.Resource) bool {
	err := n.offer(ctx, values)
	switch roost.KindOf(err) {
	case roost.Denied:
		return false
	case roost.NotFound:
		n.Close("the thing was deleted")
		return false
	}
	if err == nil {
		return true
	}
	now, last := time.Now().Unix(), n.complained.Load()
	if now-last > complainEvery && n.complained.CompareAndSwap(last, now) {
		n.d.cfg.Log.Warn("readings lost", "thing", n.ref.Thing, "remote", n.remote, "err", err)
	}
	return false
}

// offer waits while the rooms are too full, and so holds the node up: it has no
// acknowledgement that we could keep back. After patience was in vain once, values
// are lost without waiting until some are taken again.
func (n *node) offer(ctx context.Context, values []roost.Resource) error {
	for wait := firstWait; ; wait *= 2 {
		err := n.d.cfg.Core.Report(ctx, n.ref, values)
		if err == nil {
			n.hopeless.Store(false)
		}
		if roost.KindOf(err) != roost.Unavailable || n.hopeless.Load() {
			return err
		}
		if wait > lastWait {
			n.hopeless.Store(true)
			return err
		}
		select {
		case <-time.After(wait):
		case <-n.d.closing:
			return err
		}
	}
}

func (n *node) write(text string) error {
	if err := n.conn.WriteText(text); err != nil {
		_ = n.conn.Abort() // its reader sees the end
		return errors.Join(command.ErrGone, fmt.Errorf("send to node: %w", err))
	}
	return nil
}

// Send implements gateway.Link. The node confirms with an update of its own.
func (n *node) Send(ctx context.Context, c roost.Command) error {
	select {
	case <-n.arrived:
	case <-ctx.Done():
		return ctx.Err()
	}
	switch c.Kind {
	case roost.Refresh:
		return n.discover(ctx)
	case roost.Set:
		return n.write(string(wire.AppendWrite(nil, c.Resource, string(c.Value))))
	}
	return roost.Errorf(roost.Invalid, "A WebSocket node has no %q.", c.Kind)
}

// Close implements gateway.Link.
func (n *node) Close(reason string) {
	n.conn.Interrupt(websocket.Policy, reason, farewell)
}
