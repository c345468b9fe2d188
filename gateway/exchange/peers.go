package exchange

import (
	"context"
	"net/netip"
	"sync"
)

// peers lets at most NSTART requests be open towards one remote (RFC 7252,
// 4.7); the others wait in order, up to a bound.
type peers struct {
	mu sync.Mutex
	of map[netip.AddrPort]*peer
}

type peer struct {
	open  int
	queue []chan struct{} // closed when its owner's turn has come
}

// turn is one caller's permission to have a request open.
type turn struct {
	e      *Endpoint
	remote netip.AddrPort
	held   bool
}

// take waits for the caller's turn; taking it twice is taking it once. ErrBusy:
// the queue is full.
func (t *turn) take(ctx context.Context) error {
	if t.held {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	wait, err := t.e.peers.enter(t.remote, t.e.c.NStart, t.e.c.Queue)
	if err != nil {
		return err
	}
	t.held = true
	if wait == nil {
		return nil
	}
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-t.e.end:
		err = ErrClosed
	}
	t.held = false
	t.e.peers.quit(t.remote, wait)
	return err
}

// give lets the next one in; giving back what is not held does nothing.
func (t *turn) give() {
	if t.held {
		t.held = false
		t.e.peers.leave(t.remote)
	}
}

// enter counts a caller in (nil) or queues it.
func (p *peers) enter(remote netip.AddrPort, nstart, queue int) (chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = make(map[netip.AddrPort]*peer)
	}
	r := p.of[remote]
	if r == nil {
		r = &peer{}
		p.of[remote] = r
	}
	if r.open < nstart {
		r.open++
		return nil, nil
	}
	if len(r.queue) >= queue {
		return nil, ErrBusy
	}
	wait := make(chan struct{})
	r.queue = append(r.queue, wait)
	return wait, nil
}

// leave passes the turn to the first in the queue.
func (p *peers) leave(remote netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.of[remote]
	if len(r.queue) > 0 {
		close(r.queue[0])
		r.queue = r.queue[1:]
		return
	}
	if r.open--; r.open == 0 {
		delete(p.of, remote)
	}
}

// quit takes a caller out of the queue; if its turn has just come, it is passed
// on.
func (p *peers) quit(remote netip.AddrPort, wait chan struct{}) {
	p.mu.Lock()
	r := p.of[remote]
	for i := range r.queue {
		if r.queue[i] == wait {
			r.queue = append(r.queue[:i:i], r.queue[i+1:]...)
			p.mu.Unlock()
			return
		}
	}
	p.mu.Unlock()
	p.leave(remote)
}
