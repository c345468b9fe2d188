package bench

import (
	"context"
	"fmt"
	"strconv"
)

// nodeSenders is how many goroutines write for all nodes.
const nodeSenders = 2

// WSNodes measures how many values of WebSocket nodes get through to one page.
// Each value is a message of its own. Defaults: 1,000 nodes, 512 values under way.
func WSNodes(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{things: 1000, clients: 1, inFlight: 512})
	if err := c.check(ctx, c.HTTP, c.Nodes); err != nil {
		return Result{}, err
	}
	d := newDrive(c, c.Clients)
	pages, err := d.pages(ctx)
	defer pages.close()
	if err != nil {
		return Result{}, err
	}
	nodes, err := c.nodes(ctx, c.Things)
	defer nodes.close()
	if err != nil {
		return Result{}, err
	}
	nodes.read(deaf)
	var probe nodeSender
	err = d.settle(ctx, c.Things, func(i int, number uint64) error {
		probe.nodes = nodes.conns[i : i+1]
		return probe.write([]uint64{number})
	})
	if err != nil {
		return Result{}, err
	}
	var loops []func(context.Context) error
	for i := range nodeSenders {
		s := &nodeSender{nodes: nodes.conns[i*c.Things/nodeSenders : (i+1)*c.Things/nodeSenders]}
		if len(s.nodes) > 0 {
			loops = append(loops, func(ctx context.Context) error { return d.send(ctx, nodeSenders, s.write) })
		}
	}
	r, err := d.measure(ctx, "ws-nodes", pages.close, loops...)
	r.Load = map[string]int{"nodes": c.Things, "pages": c.Clients, "values in flight": c.InFlight}
	d.noteRate(&r)
	return r, err
}

// nodes opens WebSocket nodes. The crowd is to be closed even after an error.
func (c Config) nodes(ctx context.Context, n int) (*crowd, error) {
	nodes := new(crowd)
	err := nodes.dialAll(ctx, n, func(ctx context.Context, i int) (*wsConn, error) {
		return dialWS(ctx, c.Nodes, "/node?id=bench-ws-"+strconv.Itoa(i), "", 512)
	})
	if err != nil {
		return nodes, fmt.Errorf("open nodes: %w", err)
	}
	return nodes, nil
}

// nodeSender writes values of nodes in turn, one a message.
type nodeSender struct {
	nodes          []*wsConn
	next           int
	frame, message []byte
}

func (s *nodeSender) write(numbers []uint64) error {
	for _, n := range numbers {
		s.message = append(s.message[:0], `{"type": "update", "data": {"`+resource+`": "`...)
		s.message = append(value(s.message, n), `"}}`...)
		s.frame = frame(s.frame[:0], 1, s.message)
		if _, err := s.nodes[s.next%len(s.nodes)].Write(s.frame); err != nil {
			return err
		}
		s.next++
	}
	return nil
}
