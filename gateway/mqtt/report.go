package mqtt

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

const (
	// complainEvery keeps a full store from filling the log; in seconds.
	complainEvery = 10
	// firstWait doubles up to lastWait while the rooms are too full: 5 s in all.
	firstWait = 5 * time.Millisecond
	lastWait  = 2560 * time.Millisecond
)

// report hands values of a node to the rooms. It waits while they are too full, and
// so holds the client up.
func (d *Door) report(ctx context.Context, n *node, from source, values []roost.Resource) error {
	err := d.offer(ctx, n, values)
	if roost.KindOf(err) == roost.NotFound { // deleted by a person, and alive
		d.nodes.drop(n)
		if n, err = d.present(ctx, n.own, from, n.talk()); err == nil {
			err = d.offer(ctx, n, values)
		}
	}
	if err == nil {
		n.touch()
	}
	return err
}

func (d *Door) offer(ctx context.Context, n *node, values []roost.Resource) error {
	for wait := firstWait; ; wait *= 2 {
		err := n.tell(ctx, values)
		if err == nil {
			d.hopeless.Store(false)
		}
		if roost.KindOf(err) != roost.Unavailable || d.hopeless.Load() {
			return err
		}
		if wait > lastWait {
			d.hopeless.Store(true)
			return err
		}
		select {
		case <-time.After(wait):
		case <-d.stopping:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// tell reports values. The first time it says before them what Pyaiot says of every
// node, and asks for the others: the node may have been approved just now.
func (n *node) tell(ctx context.Context, values []roost.Resource) error {
	news, err := n.introduce(ctx, n.protocol())
	if err != nil {
		return err
	}
	if news {
		way, _ := n.way()
		_ = n.ask(way, "") // logged; it is asked again when it comes again
	}
	if len(values) == 0 {
		return nil
	}
	ref, _ := n.thing()
	return n.d.cfg.Core.Report(ctx, ref, values)
}

// answered tells the rooms a thing's own word on a command.
func (d *Door) answered(ctx context.Context, n *node, a answer) error {
	ref, _ := n.thing()
	state := roost.Failed
	if a.ok {
		state = roost.Done
	}
	return d.cfg.Core.Answer(ctx, gateway.Answer{Ref: ref, ID: a.id, State: state, Value: a.value, Error: a.why})
}
