package coap

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// handle answers one request. It runs on the goroutine that reads the socket.
func (d *Door) handle(ctx context.Context, r *exchange.Request) exchange.Response {
	value := r.Options.PathIs("server")
	switch {
	case !value && !r.Options.PathIs("alive"):
		return exchange.Response{Code: coap.NotFound}
	case r.Code != coap.POST:
		return exchange.Text(coap.MethodNotAllowed, "Error: Method not allowed!")
	case value:
		return d.value(ctx, r)
	}
	return d.greet(ctx, r)
}

// received is Pyaiot's answer to everything. What would not fit into one message
// is not sent back.
func received(payload []byte) exchange.Response {
	if len(payload) > 1000 {
		return exchange.Response{Code: coap.Changed}
	}
	b := make([]byte, 0, len(payload)+len("Received ''"))
	b = append(b, "Received '"...)
	b = append(b, payload...)
	return exchange.Response{Code: coap.Changed, Payload: append(b, '\'')}
}

var errSeveral = roost.Errorf(roost.Invalid, "Several nodes are at your address: send from the port of your alive.")

// value takes what a node posts to /server.
func (d *Door) value(ctx context.Context, r *exchange.Request) exchange.Response {
	key, text, err := parseValue(r.Payload, d.cfg.MaxValue)
	if err != nil {
		return refusal(err)
	}
	n, several := d.nodes.at(r.Remote)
	switch {
	case several:
		return refusal(errSeveral)
	case n == nil:
		if v, ok := d.recall(r.Remote); ok {
			return d.resume(r, v)
		}
		return received(r.Payload) // as Pyaiot; the value is dropped
	case !d.cfg.Slow && n.queued.Load() == 0:
		return d.take(ctx, n, r.Payload, key, text)
	}
	return d.later(n, r, func(ctx context.Context, r *exchange.Request) exchange.Response {
		key, text, _ := parseValue(r.Payload, d.cfg.MaxValue)
		return d.take(ctx, n, r.Payload, key, text)
	}, nil)
}

// take hands a value to the Core and answers.
func (d *Door) take(ctx context.Context, n *node, payload, key, text []byte) exchange.Response {
	ref, k, arrived := n.resource(key, text)
	if !arrived {
		return received(payload) // its arrival was refused meanwhile
	}
	err := d.core.Report(ctx, ref, []roost.Resource{{Name: k.name, Value: roost.Text(string(text)), Writable: k.writable}})
	if err == nil {
		n.touch()
		return received(payload)
	}
	switch roost.KindOf(err) {
	case roost.Denied:
		err = errWaiting
	case roost.NotFound: // deleted: unknown until it greets again
		if d.nodes.drop(n) {
			n.end()
		}
		return received(payload)
	}
	return refusal(err)
}

// greet takes what a node posts to /alive.
func (d *Door) greet(ctx context.Context, r *exchange.Request) exchange.Response {
	g, err := parseGreeting(r.Payload)
	if err != nil {
		return refusal(err)
	}
	v, err := d.nodes.visit(d, r.Remote, g, d.now())
	if err != nil {
		return refusal(err)
	}
	_, arrived := v.thing()
	known := arrived && !v.moved && !g.reset && len(v.left) == 0
	if known && !d.cfg.Slow && v.queued.Load() == 0 {
		return d.signOfLife(ctx, r, v)
	}
	var st gateway.Standing
	return d.admit(r, v, func(ctx context.Context, r *exchange.Request) (a exchange.Response) {
		st, a = d.arrive(ctx, v, g.reset, r.Payload)
		return a
	}, func(ctx context.Context) { d.welcome(ctx, v, st) })
}

// admit lets a lane do what begins with the arrival of a node.
func (d *Door) admit(r *exchange.Request, v visit, do func(context.Context, *exchange.Request) exchange.Response, after func(context.Context)) exchange.Response {
	a := d.later(v.node, r, do, after)
	if a.Code != coap.Empty { // no room in the lane: as if it had not come
		d.bid(d.ctx, v.left)
		if v.made {
			d.nodes.drop(v.node)
		}
	}
	return a
}

// bid says goodbye to nodes whose place was taken.
func (d *Door) bid(ctx context.Context, left []*node) {
	for _, n := range left {
		d.leave(ctx, n)
	}
}

// signOfLife is the greeting of a node that is known where it is. It is answered
// at once, also before what follows if it turns out to be news.
func (d *Door) signOfLife(ctx context.Context, r *exchange.Request, v visit) exchange.Response {
	st, a := d.arrive(ctx, v, false, r.Payload)
	if st.Enrolment != roost.Enrolled || !st.Fresh && !v.node.wanting(d.now()) {
		return a
	}
	_ = r.Later().Respond(ctx, a) // in time for the acknowledgement, so it does not wait
	d.welcome(ctx, v, st)
	return exchange.Response{}
}

// arrive tells the Core of a node and gives the answer to it.
func (d *Door) arrive(ctx context.Context, v visit, reset bool, payload []byte) (gateway.Standing, exchange.Response) {
	d.bid(ctx, v.left)
	n := v.node
	st, err := d.core.Arrive(ctx, gateway.Arrival{
		Project: d.cfg.Project, Identity: roost.Identity{Door: name, Own: n.uid},
		Protocol: roost.CoAP, Address: n.address(), Restarted: reset, Link: n,
	})
	if err != nil {
		if _, arrived := n.thing(); !arrived || roost.KindOf(err) != roost.Unavailable {
			if d.nodes.drop(n) {
				n.end()
			}
		}
		return gateway.Standing{}, refusal(err)
	}
	waits := st.Enrolment != roost.Enrolled
	n.mu.Lock()
	changed := waits != n.waits
	n.ref, n.arrived, n.waits = st.Ref, true, waits
	st.Fresh = st.Fresh || reset || !n.introduced
	n.introduced = !st.Fresh
	if v.moved {
		n.via = unknown
	}
	n.mu.Unlock()
	if changed {
		d.nodes.setWaiting(n, waits)
	}
	if waits {
		return gateway.Standing{}, refusal(errWaiting)
	}
	return st, received(payload)
}

// welcome is what follows the answer to a greeting: the first values, and a
// discovery if the node is here anew, or does not tell what it told before.
func (d *Door) welcome(ctx context.Context, v visit, st gateway.Standing) {
	n := v.node
	if st.Enrolment != roost.Enrolled {
		return
	}
	wanting := n.wanting(d.now())
	if st.Fresh || v.moved {
		wanting = n.unwatch() || wanting
	}
	if v.moved && !st.Fresh {
		_ = n.report(ctx, "ip", n.ip(), false)
	}
	if err := n.introduce(ctx); err != nil {
		return // the next greeting tries again
	}
	if st.Fresh || wanting {
		d.discover(n, st.Fresh, nil)
	}
}
