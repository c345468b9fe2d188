package pyaiot

import (
	"context"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// codeSignedOut closes the connection of a client who may no longer watch.
const codeSignedOut = 4001

// expect notes a client whose right may end, or forgets it.
func (d *Door) expect(c *client, here bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if here {
		d.visitors[c] = struct{}{}
	} else {
		delete(d.visitors, c)
	}
}

// expelUntil ends, now and then, the connections of clients who signed out or lost
// their right meanwhile, until ctx ends.
func (d *Door) expelUntil(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.expel(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (d *Door) expel(ctx context.Context) {
	d.mu.Lock()
	all := make([]*client, 0, len(d.visitors))
	for c := range d.visitors {
		all = append(all, c)
	}
	d.mu.Unlock()
	var told sync.WaitGroup
	for _, c := range all {
		_, err := c.now(ctx)
		if kind := roost.KindOf(err); err == nil || kind != roost.Unauthorized && kind != roost.Denied {
			continue // a store that is down signs nobody out
		}
		d.cfg.Log.Info("Pyaiot client signed out", "client", c.id, "err", err)
		told.Go(func() { c.conn.Interrupt(codeSignedOut, roost.Message(err), farewell) })
	}
	told.Wait()
}

// now is who c is by now.
func (c *client) now(ctx context.Context) (Visitor, error) {
	if c.Again == nil {
		return c.Visitor, nil
	}
	return c.Again(ctx)
}
