package bench

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/roost-iot/roost/wire/coap"
)

// CoAPToPage measures how many values that CoAP nodes POST to /server get through
// to one page. Defaults: 500 nodes, each with one request open, and at most
// 2,000 values under way.
func CoAPToPage(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{things: 500, clients: 1, inFlight: 2000})
	if err := c.check(ctx, c.HTTP, c.CoAP); err != nil {
		return Result{}, err
	}
	d := newDrive(c, c.Clients)
	pages, err := d.pages(ctx)
	defer pages.close()
	if err != nil {
		return Result{}, err
	}
	ends, err := greeted(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer closeEnds(ends)
	nodes := make([]*valueNode, len(ends))
	for i, e := range ends {
		nodes[i] = &valueNode{coapEnd: e, d: d}
		nodes[i].prepare(coap.POST, "/server")
	}
	if err := d.settle(ctx, len(nodes), func(i int, number uint64) error { return nodes[i].post(number) }); err != nil {
		return Result{}, err
	}
	r, err := d.measure(ctx, "coap-to-page", pages.close, func(ctx context.Context) error {
		all, ctx := errgroup.WithContext(ctx)
		for _, n := range nodes {
			all.Go(func() error { return n.loop(ctx) })
		}
		return all.Wait()
	})
	r.Load = map[string]int{"nodes": c.Things, "pages": c.Clients, "values in flight": c.InFlight}
	return r, err
}

// valueNode posts values to a gateway.
type valueNode struct {
	*coapEnd
	d       *drive
	payload []byte
}

func (n *valueNode) post(number uint64) error {
	n.payload = value(append(n.payload[:0], resource+":"...), number)
	_, err := n.do(n.payload)
	return err
}

func (n *valueNode) loop(ctx context.Context) error {
	for n.d.f.acquire(ctx, 1) == 1 {
		if err := n.post(n.d.f.depart(n.d.f.now())); err != nil {
			return timeIsUp(ctx, err)
		}
	}
	return nil
}
