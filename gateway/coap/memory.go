package coap

import (
	"context"
	"net/netip"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/exchange"
)

// Fleet is where nodes were before the door opened; the registry is one. Both
// methods give copies.
type Fleet interface {
	Each(project roost.ProjectID, f func(t roost.Thing, rs []roost.Resource) bool)
	Get(ref roost.Ref) (roost.Thing, []roost.Resource, bool)
}

// memory bridges a restart: nodes push on, though they are not known to be there
// before their next alive. Until then the address where the only thing of it was last
// heard says whose value it is. It is not trusted for longer than a node may be
// silent: addresses go round.
type memory struct {
	fleet Fleet
	at    sync.Map // netip.Addr -> roost.Ref; each is of use once
}

func (m *memory) load(f Fleet, project roost.ProjectID) {
	m.fleet = f
	if f == nil {
		return
	}
	several := map[netip.Addr]bool{}
	f.Each(project, func(t roost.Thing, _ []roost.Resource) bool {
		last, err := netip.ParseAddrPort(t.Address)
		if err != nil || t.Identity.Door != name || t.Gateway != "" || t.Enrolment != roost.Enrolled {
			return true
		}
		if _, taken := m.at.LoadOrStore(last.Addr(), t.Ref); taken {
			several[last.Addr()] = true
		}
		return true
	})
	for a := range several {
		m.at.Delete(a)
	}
}

// recall finds the node that was at an address before the restart, as if it had
// greeted from there now. Not ok: there was none, or it has greeted from elsewhere.
func (d *Door) recall(remote netip.AddrPort) (v visit, ok bool) {
	ref, found := d.memory.at.LoadAndDelete(remote.Addr())
	if !found || d.now() > d.cfg.Presence {
		return visit{}, false
	}
	t, _, there := d.memory.fleet.Get(ref.(roost.Ref))
	if !there || t.Enrolment != roost.Enrolled || d.nodes.knows(t.Identity.Own) {
		return visit{}, false
	}
	v, err := d.nodes.visit(d, remote, greeting{uid: t.Identity.Own}, d.now())
	return v, err == nil
}

// resume takes the value of a node that was recalled.
func (d *Door) resume(r *exchange.Request, v visit) exchange.Response {
	var st gateway.Standing
	return d.admit(r, v, func(ctx context.Context, r *exchange.Request) (a exchange.Response) {
		if st, a = d.arrive(ctx, v, false, r.Payload); st.Enrolment != roost.Enrolled {
			return a
		}
		key, text, _ := parseValue(r.Payload, d.cfg.MaxValue)
		return d.take(ctx, v.node, r.Payload, key, text)
	}, func(ctx context.Context) { d.welcome(ctx, v, st) })
}
