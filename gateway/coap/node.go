package coap

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/exchange"
)

// node is one CoAP node and the gateway.Link to it.
type node struct {
	door   *Door
	uid    string
	remote netip.AddrPort // of its last greeting; guarded by nodes.mu
	heard  atomic.Int64   // time since the door was made, in ns
	queued atomic.Int32   // its jobs that wait in a lane

	mu         sync.Mutex
	ref        roost.Ref
	arrived    bool // ref is known
	waits      bool // for approval
	introduced bool // ip and protocol were reported
	gone       bool
	via        route
	names      map[string]named
	sets       map[string]*roost.Value // under way, by resource
	watches    map[string]*watch

	// Discovery: at most one at a time.
	exploring bool               // running or queued
	again     bool               // it restarted meanwhile: start over
	cancel    context.CancelFunc // of the one that runs
	asked     []chan error       // who waits for its end; each holds one
	failed    bool               // the last one got no answer
	next      time.Duration      // not before this, a greeting may start one again
}

// named is a resource's name kept once, so that a value needs no copy of it.
type named struct {
	name     string
	writable bool
}

// maxNames bounds the names kept of one node; further ones work, but are copied.
const maxNames = 256

func newNode(d *Door, uid string) *node { return &node{door: d, uid: uid} }

// Send implements gateway.Link.
func (n *node) Send(ctx context.Context, c roost.Command) error {
	n.mu.Lock()
	gone := n.gone
	n.mu.Unlock()
	switch {
	case gone:
		return command.ErrGone
	case c.Kind == roost.Refresh:
		return n.refresh(ctx, c)
	case c.Kind == roost.Set:
		return n.set(ctx, c)
	}
	return roost.Errorf(roost.Invalid, "A CoAP node cannot be asked to %q.", c.Kind)
}

// Close implements gateway.Link: the door forgets the node until it greets again.
func (n *node) Close(string) {
	n.door.nodes.drop(n)
	n.end()
}

// end stops what is under way with the node.
func (n *node) end() {
	n.mu.Lock()
	n.gone = true
	if n.cancel != nil {
		n.cancel()
	}
	n.mu.Unlock()
	n.unwatch()
}

func (n *node) touch() { n.heard.Store(int64(n.door.now())) }

// thing is the node's thing, and whether the node has arrived at all.
func (n *node) thing() (roost.Ref, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ref, n.arrived
}

// resource gives the thing and the kept name of a resource.
func (n *node) resource(name, text []byte) (roost.Ref, named, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k, known := n.names[string(name)]
	if !known || len(n.sets) > 0 {
		k = n.keep(string(name), n.confirms(string(name), roost.Text(string(text))))
	}
	return n.ref, k, n.arrived
}

// setting enters a set of a resource until done is called.
func (n *node) setting(name string, v roost.Value) (done func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sets == nil {
		n.sets = map[string]*roost.Value{}
	}
	mine := &v
	n.sets[name] = mine
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.sets[name] == mine { // not that of the next set, which did not wait for this one's end
			delete(n.sets, name)
		}
	}
}

// confirms tells that v is what the resource is being set to: the node takes sets
// of it. Its command ends with that value, and the node's answer to the set is then
// no longer waited for. The caller holds n.mu.
func (n *node) confirms(name string, v roost.Value) bool {
	want := n.sets[name]
	return want != nil && roost.Same(v, *want)
}

// keep remembers a name, and that the node takes a set of it; the caller holds n.mu.
func (n *node) keep(name string, writable bool) named {
	k := named{name, writable || roost.Settable(name) || n.names[name].writable}
	if n.names == nil {
		n.names = map[string]named{}
	}
	if len(n.names) < maxNames || n.names[name].name != "" {
		n.names[name] = k
	}
	return k
}

// report tells the Core a value that the door asked the node for. An error means
// that it is of no use to go on asking.
func (n *node) report(ctx context.Context, name string, v roost.Value, writable bool) error {
	n.mu.Lock()
	ref, k := n.ref, n.keep(name, writable || n.confirms(name, v))
	gone := n.gone
	n.mu.Unlock()
	if gone {
		return command.ErrGone
	}
	err := n.door.core.Report(ctx, ref, []roost.Resource{{Name: k.name, Value: v, Writable: k.writable}})
	if err == nil {
		n.touch()
	}
	return n.door.useless(n, err)
}

// introduce reports what Pyaiot's gateway says of every node first.
func (n *node) introduce(ctx context.Context) error {
	n.mu.Lock()
	ref, done := n.ref, n.introduced
	n.mu.Unlock()
	if done {
		return nil
	}
	err := n.door.core.Report(ctx, ref, []roost.Resource{
		{Name: "ip", Value: n.ip()},
		{Name: "protocol", Value: roost.Text(string(roost.CoAP))},
	})
	if err != nil {
		n.door.log.Debug("node not introduced", "thing", n.uid, "protocol", "coap", "err", err)
		return err
	}
	n.mu.Lock()
	waited := n.waits
	n.introduced, n.waits = true, false
	n.mu.Unlock()
	if waited { // it was approved since its last greeting
		n.door.nodes.setWaiting(n, false)
	}
	return nil
}

// ip is the node's address as Pyaiot shows it: IPv4 mapped into IPv6.
func (n *node) ip() roost.Value {
	remote, _ := n.door.nodes.where(n)
	return roost.Text(exchange.Mapped(remote.Addr().WithZone("")).String())
}

// useless logs what the Core did not take and gives back the errors after which
// nothing more of the node is taken either.
func (d *Door) useless(n *node, err error) error {
	if err == nil {
		return nil
	}
	switch roost.KindOf(err) {
	case roost.Denied, roost.NotFound:
		return err
	}
	if !errors.Is(err, context.Canceled) {
		d.log.Debug("value not taken", "thing", n.uid, "protocol", "coap", "err", err)
	}
	return nil
}
