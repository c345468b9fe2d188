package pyaiot

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// link is the way to a node: through the gateway that announced it last.
type link struct {
	d *Door
	n *node
}

// refresh is when a gateway was last asked for all it knows, in Unix ms.
type refresh struct{ at atomic.Int64 }

// refreshEvery keeps a refresh of each of a gateway's nodes from asking it once a node.
const refreshEvery = 2 * time.Second

// Send implements gateway.Link. Real gateways stop hearing for good on a payload
// that is no string, and on non-ASCII towards a CoAP node: neither is sent.
func (l *link) Send(_ context.Context, c roost.Command) error {
	g, err := l.gateway()
	if err != nil {
		return err
	}
	switch c.Kind {
	case roost.Refresh:
		return g.refresh()
	case roost.Set:
		payload := c.Value.AsText()
		if !ascii(payload) && l.plainOnly() {
			return roost.Errorf(roost.Invalid, "Thing %q hangs on a Pyaiot CoAP gateway, which takes ASCII characters only.", c.Thing)
		}
		text := wire.AppendCommand(nil, l.n.uid, c.Resource, payload, l.d.src)
		return g.send(string(text))
	}
	return roost.Errorf(roost.Invalid, "A Pyaiot gateway has no %q.", c.Kind)
}

// gateway gives the owner that came last. ErrAsleep: its connection is lost, and
// it has its grace to come back.
func (l *link) gateway() (*far, error) {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	switch {
	case l.d.nodes[l.n.nodeKey] != l.n:
		return nil, command.ErrGone
	case len(l.n.owners) == 0:
		return nil, command.ErrAsleep
	}
	return l.n.owners[len(l.n.owners)-1], nil
}

// plainOnly holds for CoAP, and for a node that has not said what it speaks.
func (l *link) plainOnly() bool {
	p := roost.Protocol(l.n.fact("protocol"))
	return p == roost.CoAP || p == ""
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Close implements gateway.Link: the thing was deleted. Its gateway stays, and a
// further value of the node brings it back as a new thing.
func (l *link) Close(string) { l.n.forgotten.Store(true) }

func (g *far) send(text string) error {
	if err := g.conn.WriteText(text); err != nil {
		_ = g.conn.Abort() // its reader sees the end and lets the nodes go
		return errors.Join(command.ErrGone, fmt.Errorf("send to gateway %s: %w", g.name, err))
	}
	return nil
}

// refresh asks for all that the gateway knows, addressed to everybody.
func (g *far) refresh() error {
	now := time.Now().UnixMilli()
	last := g.lastRefresh.at.Load()
	if now-last < refreshEvery.Milliseconds() || !g.lastRefresh.at.CompareAndSwap(last, now) {
		return nil // the answer that is under way serves this one too
	}
	return g.send(wire.Resync)
}
