package mqttsn

import (
	"container/heap"
	"time"
)

// deadlines is a heap of clients by when something is due.
type deadlines struct{ all []*client }

// Len implements heap.Interface.
func (d *deadlines) Len() int { return len(d.all) }

// Less implements heap.Interface.
func (d *deadlines) Less(i, j int) bool { return d.all[i].at < d.all[j].at }

// Swap implements heap.Interface.
func (d *deadlines) Swap(i, j int) {
	d.all[i], d.all[j] = d.all[j], d.all[i]
	d.all[i].pos, d.all[j].pos = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	c := x.(*client)
	c.pos = len(d.all)
	d.all = append(d.all, c)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	last := len(d.all) - 1
	c := d.all[last]
	d.all[last] = nil
	d.all = d.all[:last]
	c.pos = -1
	return c
}

// set puts a client in, or elsewhere.
func (d *deadlines) set(c *client, at time.Duration) {
	c.at = at
	if c.pos < 0 {
		heap.Push(d, c)
		return
	}
	heap.Fix(d, c.pos)
}

func (d *deadlines) remove(c *client) {
	if c.pos >= 0 {
		heap.Remove(d, c.pos)
	}
}

// first is who is due next; nil: nobody.
func (d *deadlines) first() *client {
	if len(d.all) == 0 {
		return nil
	}
	return d.all[0]
}
