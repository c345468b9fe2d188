package coap

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/exchange"
)

// job is work on one node that may wait for a disk.
type job struct {
	node *node
	do   func(ctx context.Context)
}

// later answers a request from the node's lane: do gives the answer, and after
// runs when it is on its way.
func (d *Door) later(n *node, r *exchange.Request, do func(context.Context, *exchange.Request) exchange.Response, after func(context.Context)) exchange.Response {
	lane := d.lanes[maphash.String(d.seed, n.uid)%uint64(len(d.lanes))]
	reply := r.Later()
	came := time.Now()
	n.queued.Add(1)
	j := job{node: n, do: func(ctx context.Context) {
		d.respond(ctx, reply, came, do(ctx, &reply.Request))
		if after != nil {
			after(ctx)
		}
	}}
	select {
	case lane <- j:
		return exchange.Response{}
	default:
	}
	n.queued.Add(-1)
	return refusal(roost.Errorf(roost.Unavailable, "Too much at once; try again in a moment."))
}

// respond sends an answer. One that is too late for the acknowledgement is a
// message of its own that has to be acknowledged: the lane does not wait for that.
func (d *Door) respond(ctx context.Context, reply *exchange.Reply, came time.Time, a exchange.Response) {
	if time.Since(came) < d.cfg.Exchange.EmptyACK*9/10 {
		_ = reply.Respond(ctx, a)
		return
	}
	select {
	case d.answers <- struct{}{}:
		if d.spawn(func() {
			_ = reply.Respond(d.ctx, a)
			<-d.answers
		}) {
			return
		}
		<-d.answers
	default: // sent once and not again
		over, stop := context.WithCancel(ctx)
		stop()
		_ = reply.Respond(over, a)
	}
}

// serve works through one lane.
func (d *Door) serve(lane chan job) {
	for {
		select {
		case <-d.ctx.Done():
			return
		case j := <-lane:
			j.do(d.ctx)
			j.node.queued.Add(-1)
		}
	}
}
