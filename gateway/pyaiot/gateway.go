package pyaiot

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

const (
	// aliveLost is how long a gateway that has sent a keep-alive may be mute: three periods.
	aliveLost = 90 * time.Second
	// maxPending is how many values go to the rooms at once.
	maxPending = 256
	// maxNames bounds the resource names that a connection remembers for a node.
	maxNames = 256
	// maxWord bounds uids and resource names, in bytes; longer ones are nobody's.
	maxWord = 256
	// complainEvery keeps a full store from filling the log.
	complainEvery = 10 * time.Second
	// firstWait doubles up to lastWait while the rooms are too full: 5 s in all.
	firstWait = 5 * time.Millisecond
	lastWait  = 2500 * time.Millisecond
)

// far is one connection of a foreign gateway. Its fields belong to the reading
// goroutine, but for conn.
type far struct {
	d            *Door
	conn         *websocket.Conn
	key          wire.NamedKey
	project      roost.ProjectID // of its nodes
	name, remote string
	since        time.Time
	expelled     atomic.Bool  // its key was revoked
	things       atomic.Int64 // len(nodes)

	nodes map[string]*attached // by uid
	order []*attached          // in the order in which they were announced

	pending     []roost.Resource // values of pendingOf that the rooms have not seen
	pendingOf   *attached
	complained  time.Time
	hopeless    bool // the rooms took nothing for as long as we wait
	lastRefresh refresh
}

// attached is a node as one connection knows it.
type attached struct {
	*node
	names map[string]string // resource names, so that each is kept once
}

// serveGateway reads until the connection ends; its nodes outlive it by the grace.
func (d *Door) serveGateway(conn *websocket.Conn, key wire.NamedKey, name, remote string, legacy bool) {
	g := &far{
		d: d, conn: conn, key: key, project: key.Project, name: name, remote: remote,
		since: time.Now(), nodes: map[string]*attached{},
	}
	if key.Name != "" {
		g.name = key.Name
	}
	if g.project == "" {
		g.project = d.cfg.Project
	}
	d.enlist(g)
	d.cfg.Log.Info("gateway connected", "gateway", g.name, "remote", remote)
	if legacy { // gateways of Pyaiot 0.2 do not all send what they know by themselves
		_ = conn.WriteText(wire.Resync) // reading will tell if it failed
	}
	conn.BeforeWait(g.flush)
	err := g.read()
	g.flush()
	if g.expelled.Load() {
		err = errRevoked
	}
	finish(conn, err)
	d.delist(g, err)
	d.detach(d.gateways, conn)
	d.cfg.Log.Info("gateway gone", "gateway", g.name, "remote", remote, "err", err)
	d.abandon(g)
}

// finish ends a connection the way err asks for.
func finish(conn *websocket.Conn, err error) {
	refusal, refused := errors.AsType[*wire.Refusal](err)
	closed, isClose := errors.AsType[*websocket.CloseError](err)
	switch {
	case refused:
		_ = conn.Close(refusal.Code, refusal.Reason)
	case isClose && !closed.Peer:
		_ = conn.Close(closed.Code, closed.Reason)
	}
}

func (g *far) read() error {
	for {
		m, raw, err := next(g.conn)
		if err != nil {
			return err
		}
		if err := g.take(m, raw); err != nil {
			return err
		}
	}
}

// next reads one message, text or binary.
func next(conn *websocket.Conn) (wire.Message, []byte, error) {
	op, raw, err := conn.Next()
	if err != nil {
		return wire.Message{}, nil, err
	}
	if op == websocket.Binary {
		if raw, err = wire.FromBinary(raw); err != nil {
			return wire.Message{}, nil, err
		}
	}
	m, err := wire.Parse(raw)
	return m, raw, err
}

// take does what a message says. The error is a *wire.Refusal.
func (g *far) take(m wire.Message, raw []byte) error {
	switch m.Type {
	case wire.Update:
		return g.update(m, raw)
	case wire.New:
		if m.UID == nil || m.Dst == nil {
			return wire.Invalid(raw)
		}
		g.flush()
		g.announce(m)
	case wire.Out:
		if m.UID == nil {
			return wire.Invalid(raw)
		}
		g.flush()
		g.out(string(m.UID))
	case wire.Reset:
		g.flush()
		g.reset(string(m.UID))
	}
	return nil
}

func (g *far) update(m wire.Message, raw []byte) error {
	if m.UID == nil {
		return wire.Invalid(raw)
	}
	if m.Endpoint == nil && string(m.UID) == wire.Alive {
		g.conn.SetDead(aliveLost)
		return nil
	}
	a := g.nodes[string(m.UID)]
	if a == nil {
		return nil // not announced on this connection
	}
	if m.Dst == nil {
		return wire.Invalid(raw)
	}
	if len(m.Endpoint) == 0 || len(m.Endpoint) > maxWord || m.Data == nil {
		return nil
	}
	if string(m.Dst) != wire.All {
		g.flush()
		text := wire.AppendUpdate(nil, string(a.thing().Thing), string(m.Endpoint), string(m.Data), string(m.Dst))
		g.d.hub.direct(a.thing().Project, string(m.Dst), text)
		return nil
	}
	g.value(a, a.nameOf(m.Endpoint), roost.Value(m.Data))
	return nil
}

// value queues one for the rooms.
func (g *far) value(a *attached, name string, v roost.Value) {
	if g.pendingOf != a || len(g.pending) >= maxPending {
		g.flush()
		g.pendingOf = a
	}
	if a.learn(name, v) {
		g.flush()
		g.arrive(a, false)
		g.pendingOf = a
	}
	g.pending = append(g.pending, roost.Resource{Name: name, Value: v})
}

// nameOf gives an endpoint as a resource's name. Gateways of 2017 put a "/" before it.
func (a *attached) nameOf(endpoint []byte) string {
	if name, ok := a.names[string(endpoint)]; ok {
		return name
	}
	name := strings.TrimPrefix(string(endpoint), "/")
	if len(a.names) < maxNames {
		if a.names == nil {
			a.names = map[string]string{}
		}
		a.names[string(endpoint)] = name
	}
	return name
}

// flush hands the queued values to the rooms.
func (g *far) flush() {
	if len(g.pending) == 0 {
		return
	}
	a := g.pendingOf
	if a.forgotten.CompareAndSwap(true, false) { // deleted by a person, and alive
		g.arrive(a, false)
	}
	err := g.report(a)
	if kind := roost.KindOf(err); err != nil && kind != roost.Denied && time.Since(g.complained) > complainEvery {
		g.complained = time.Now()
		g.d.cfg.Log.Warn("readings lost", "thing", a.uid, "gateway", g.name, "err", err)
	}
	clear(g.pending)
	g.pending = g.pending[:0]
}

// report waits while the rooms are too full, and so holds the gateway up: it has
// no acknowledgement that we could keep back. After patience was in vain once,
// values are lost without waiting until some are taken again.
func (g *far) report(a *attached) error {
	for wait := firstWait; ; wait *= 2 {
		err := g.d.cfg.Core.Report(g.d.life, a.thing(), g.pending)
		if roost.KindOf(err) == roost.NotFound && g.arrive(a, false) { // deleted just now, and alive
			err = g.d.cfg.Core.Report(g.d.life, a.thing(), g.pending)
		}
		if err == nil {
			g.hopeless = false
		}
		if roost.KindOf(err) != roost.Unavailable || g.hopeless {
			return err
		}
		if g.hopeless = wait > lastWait; g.hopeless {
			return err
		}
		select {
		case <-time.After(wait):
		case <-g.d.closing:
			return err
		}
	}
}

// announce takes a new: it is for all, for one client, or for nobody.
func (g *far) announce(m wire.Message) {
	uid := string(m.UID)
	a := g.nodes[uid]
	if a == nil {
		if len(g.nodes) >= g.d.cfg.MaxNodes || uid == "" || len(uid) > maxWord {
			return
		}
		a = &attached{node: g.d.own(uid, g)}
		g.nodes[uid] = a
		g.order = append(g.order, a)
		g.things.Store(int64(len(g.nodes)))
	}
	if g.arrive(a, false) && string(m.Dst) != wire.All {
		ref := a.thing()
		g.d.hub.direct(ref.Project, string(m.Dst), wire.AppendNew(nil, string(ref.Thing), string(m.Dst)))
	}
}

// arrive tells the rooms that a node is here, and whether they let it in.
func (g *far) arrive(a *attached, restarted bool) bool {
	ctx, stop := context.WithTimeout(g.d.life, 30*time.Second)
	defer stop()
	standing, err := g.d.cfg.Core.Arrive(ctx, a.arrival(g, restarted))
	if err != nil && roost.KindOf(err) != roost.Denied {
		g.d.cfg.Log.Warn("thing not taken in", "thing", a.uid, "gateway", g.name, "err", err)
	}
	if standing.Ref.Thing != "" {
		a.ref.Store(&standing.Ref)
	}
	return err == nil
}

// reset makes the rooms forget the values of a node. What it is does not change:
// gateways do not say it again, so we do.
func (g *far) reset(uid string) {
	a := g.nodes[uid]
	if a == nil || !g.arrive(a, true) {
		return
	}
	g.pendingOf = a
	g.pending = append(g.pending, a.lasting()...)
	g.flush()
}

func (g *far) out(uid string) {
	a := g.nodes[uid]
	if a == nil {
		return
	}
	delete(g.nodes, uid)
	g.things.Store(int64(len(g.nodes)))
	for i, o := range g.order {
		if o == a {
			g.order = append(g.order[:i], g.order[i+1:]...)
			break
		}
	}
	if g.d.disown(a.node, g) {
		g.d.leave(a.node)
	}
}
