package pyaiot

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

const (
	// maxSaid bounds a value that goes to a broker, in bytes: real ones drop the line
	// at 10 MiB.
	maxSaid = 1 << 20
	// maxKept bounds the resources that are remembered of one node.
	maxKept = 256
	// maxLine bounds the commands that wait for one node.
	maxLine = 64
	// commandPatience is how long a door may try to hand a command over.
	commandPatience = 100 * time.Second
)

var _ gateway.Core = (*Uplink)(nil)

// Arrive implements gateway.Core.
func (u *Uplink) Arrive(_ context.Context, a gateway.Arrival) (gateway.Standing, error) {
	if roost.CleanThingID(a.Identity.Own) == "" {
		return gateway.Standing{}, roost.Errorf(roost.Invalid, "A thing needs an id that is not empty.")
	}
	u.mu.Lock()
	n, err := u.find(a)
	if err != nil {
		u.mu.Unlock()
		return gateway.Standing{}, err
	}
	var old gateway.Link
	moved := a.Link != nil && n.link != a.Link
	if moved {
		old, n.link = n.link, a.Link
	}
	if a.Protocol != "" {
		n.protocol = a.Protocol
	}
	n.bound, n.heard = a.Bound, time.Now()
	fresh := !n.here || a.Restarted || moved
	switch {
	case !n.here:
		u.appear(n)
	case a.Restarted:
		u.reset(n)
	}
	standing := gateway.Standing{Ref: n.ref, Enrolment: roost.Enrolled, Fresh: fresh}
	u.mu.Unlock()
	if old != nil {
		old.Close("another connection of the same thing took its place")
	}
	return standing, nil
}

// find gives the node of an arrival, a new one if need be; the caller holds u.mu.
func (u *Uplink) find(a gateway.Arrival) (*local, error) {
	key := a.Identity.Door + "\x00" + a.Identity.Own
	if n := u.nodes[key]; n != nil {
		return n, nil
	}
	if len(u.nodes) >= u.cfg.MaxNodes && !u.forgetOne() {
		return nil, roost.Errorf(roost.Unavailable, "There are %d things at this gateway, as many as it knows.", len(u.nodes))
	}
	project := a.Project
	if project == "" {
		project = roost.Home
	}
	ref := roost.Ref{Project: project, Thing: roost.CleanThingID(u.uid(a))}
	for u.refs[ref] != nil {
		ref.Thing += roost.ThingID("-" + a.Identity.Door)
	}
	n := &local{key: key, uid: string(ref.Thing), ref: ref, values: map[string]roost.Value{}}
	u.nodes[key], u.refs[ref] = n, n
	return n, nil
}

// uid is what a node is called at the broker. An id that a door made of an address
// means something at this site only, so the gateway's name goes before it.
func (u *Uplink) uid(a gateway.Arrival) string {
	host := a.Address
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	own := a.Identity.Own
	made := a.Identity.Door + "-" + string(roost.CleanThingID(host))
	if u.cfg.Name != "" && host != "" && (own == made || strings.HasPrefix(own, made+"-")) {
		return u.cfg.Name + "-" + own
	}
	return own
}

// appear announces a node; the caller holds u.mu.
func (u *Uplink) appear(n *local) {
	n.here, n.names, n.values = true, nil, map[string]roost.Value{}
	u.order = append(u.order, n)
	u.tell(wire.AppendNew(nil, n.uid, wire.All))
}

// reset forgets what a node said, but for what it is, which is said again: pages
// forget that, too. The caller holds u.mu.
func (u *Uplink) reset(n *local) {
	facts := map[string]roost.Value{}
	for _, name := range []string{"ip", "id", "protocol"} {
		if v, ok := n.values[name]; ok {
			facts[name] = v
		}
	}
	n.names, n.values = nil, map[string]roost.Value{}
	u.tell(wire.AppendReset(nil, n.uid))
	for _, name := range []string{"ip", "id", "protocol"} {
		if v, ok := facts[name]; ok {
			u.say(n, name, v)
		}
	}
}

// Report implements gateway.Core.
func (u *Uplink) Report(_ context.Context, ref roost.Ref, values []roost.Resource) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.refs[ref]
	if n == nil {
		return roost.Errorf(roost.NotFound, "There is no thing %q at this gateway.", ref.Thing)
	}
	n.heard = time.Now()
	if !n.here {
		u.appear(n)
	}
	for i := range values {
		name, v := endpoint(values[i].Name), values[i].Value
		if name == "" || len(name) > maxWord || v == "" {
			continue
		}
		if len(v) > maxSaid {
			u.log.Warn("value too long for a broker; it is not sent", "thing", n.uid, "resource", name)
			continue
		}
		if name != "ip" && name != "id" && name != "protocol" {
			u.introduce(n)
		}
		u.say(n, name, tidy(name, v))
	}
	return nil
}

// introduce says what a node speaks if its door does not; the caller holds u.mu.
func (u *Uplink) introduce(n *local) {
	if _, said := n.values["protocol"]; !said && n.protocol != "" {
		u.say(n, "protocol", roost.Text(string(n.protocol)))
	}
}

// say keeps a value and sends it. What a node is, is not repeated. The caller holds u.mu.
func (u *Uplink) say(n *local, name string, v roost.Value) {
	last, known := n.values[name]
	if known && last == v && (name == "ip" || name == "id" || name == "protocol") {
		return
	}
	if !known {
		if len(n.names) >= maxKept {
			return
		}
		n.names = append(n.names, name)
	}
	n.values[name] = v
	u.tell(wire.AppendUpdate(nil, n.uid, name, string(v), wire.All))
}

// Answer implements gateway.Core: brokers are not told how a command ended. A value
// that the node reports, or that its door reports for it, is the only sign.
func (u *Uplink) Answer(context.Context, gateway.Answer) error { return nil }

// Leave implements gateway.Core.
func (u *Uplink) Leave(_ context.Context, ref roost.Ref, link gateway.Link) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := u.refs[ref]; n != nil && n.link == link {
		n.link = nil
		u.lose(n)
		u.forget(n)
	}
	return nil
}

func (u *Uplink) forget(n *local) {
	delete(u.nodes, n.key)
	delete(u.refs, n.ref)
}

// forgetOne makes room by a node that is out; the caller holds u.mu.
func (u *Uplink) forgetOne() bool {
	for _, n := range u.nodes {
		if !n.here {
			u.forget(n)
			return true
		}
	}
	return false
}

// lose signs a node off and forgets what it said; the caller holds u.mu.
func (u *Uplink) lose(n *local) {
	if !n.here {
		return
	}
	n.here = false
	u.order = slices.DeleteFunc(u.order, func(o *local) bool { return o == n })
	u.tell(wire.AppendOut(nil, n.uid))
	n.names, n.values = nil, map[string]roost.Value{}
}

// sweep signs off, once a second until ctx ends, who was silent for too long.
func (u *Uplink) sweep(ctx context.Context) {
	tick := time.NewTicker(min(time.Second, u.cfg.Presence/4+time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			u.mu.Lock()
			for _, n := range slices.Clone(u.order) {
				if !n.bound && now.Sub(n.heard) > u.cfg.Presence {
					u.lose(n)
				}
			}
			u.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// command hands one to its node's door, after those before it: a node that does not
// answer holds up nobody but itself. Nobody is told of what becomes of it.
func (u *Uplink) command(q wire.Command) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.refs[roost.Ref{Project: roost.Home, Thing: roost.ThingID(q.UID)}]
	if n == nil || !n.here || n.link == nil || u.life.Err() != nil {
		return
	}
	now := time.Now()
	c := roost.Command{
		ID: roost.NewID(), Ref: n.ref, Kind: roost.Set, Resource: q.Endpoint, Value: roost.Value(q.Payload),
		State: roost.Queued, By: "pyaiot page", Created: now, Expires: now.Add(commandPatience),
	}
	if n.commands == nil {
		line := make(chan roost.Command, maxLine)
		n.commands = line
		u.work.Go(func() { u.deliver(n, line) })
	}
	select {
	case n.commands <- c:
	default:
		u.log.Warn("too many commands wait for a thing; one is dropped", "thing", n.uid)
	}
}

// deliver works on a node's commands until there is none.
func (u *Uplink) deliver(n *local, line <-chan roost.Command) {
	for {
		u.mu.Lock()
		if len(line) == 0 { // none can come while we hold the lock
			n.commands = nil
			u.mu.Unlock()
			return
		}
		link, life := n.link, u.life
		u.mu.Unlock()
		c := <-line
		if link == nil || life.Err() != nil {
			continue
		}
		ctx, stop := context.WithDeadline(life, c.Expires)
		if err := link.Send(ctx, c); err != nil {
			u.log.Debug("command not delivered", "thing", n.uid, "resource", c.Resource, "err", err)
		}
		stop()
	}
}
