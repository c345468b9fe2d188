package mqttsn

import (
	"net/netip"
	"sync"
)

// key is where a client is: an address, and behind a forwarder its wireless node id.
type key struct {
	at   netip.AddrPort
	node string
}

// String names the place for people and logs.
func (k key) String() string {
	at := netip.AddrPortFrom(k.at.Addr().Unmap(), k.at.Port()).String()
	if k.node == "" {
		return at
	}
	const digits = "0123456789abcdef"
	b := append([]byte(at), '/')
	for _, c := range []byte(k.node) {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return string(b)
}

// directory says who is where. All lanes and readers use it.
type directory struct {
	mu   sync.RWMutex
	most int
	at   map[key]*client
}

func (d *directory) init(most int) { d.most, d.at = most, map[key]*client{} }

func (d *directory) find(k key) *client {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.at[k]
}

func (d *directory) len() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.at)
}

// put makes c the client at its key. before is who was there until now; not ok: there
// is no room for one more.
func (d *directory) put(c *client) (before *client, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before = d.at[c.key]
	if before == nil && len(d.at) >= d.most {
		return nil, false
	}
	d.at[c.key] = c
	return before, true
}

// move puts c under another key.
func (d *directory) move(c *client, to key) (before *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at[c.key] == c {
		delete(d.at, c.key)
	}
	before = d.at[to]
	c.key = to
	d.at[to] = c
	return before
}

// remove forgets c, unless another client has its place by now.
func (d *directory) remove(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at[c.key] == c {
		delete(d.at, c.key)
	}
}
