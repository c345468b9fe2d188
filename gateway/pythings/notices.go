package pythings

import (
	"net"
	"slices"
	"sync"
	"time"
)

// Notice tells the operator of a device that could not be served, and what to do.
type Notice struct {
	At     time.Time // when last
	Remote string    // its address
	Text   string
}

// mostNotices bounds them; the oldest goes first.
const mostNotices = 100

// Bounds of the notices that reach logs: so many at once, then one each time.
const (
	noticeBurst = 50
	noticeEvery = 10 * time.Second
)

type notices struct {
	mu   sync.Mutex
	all  []Notice // oldest first
	told bucket
}

// add tells whether the notice is news for a log: a device repeats its call every few
// seconds, and strangers may send what they like.
func (n *notices) add(remote, text string, at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.all, func(o Notice) bool { return o.Text == text && host(o.Remote) == host(remote) })
	if i >= 0 {
		n.all = slices.Delete(n.all, i, i+1)
	} else if len(n.all) == mostNotices {
		n.all = slices.Delete(n.all, 0, 1)
	}
	n.all = append(n.all, Notice{At: at, Remote: remote, Text: text})
	return i < 0 && n.told.take(at, noticeBurst, noticeEvery)
}

func (n *notices) list() []Notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Clone(n.all)
	slices.Reverse(all)
	return all
}

// host is an address without its port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}
