package coap

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
)

// watch is one observed resource (RFC 7641).
type watch struct {
	at  netip.AddrPort
	obs *exchange.Observation
}

func (w *watch) over() bool {
	select {
	case <-w.obs.Done():
		return true
	default:
		return false
	}
}

// firstNews is how long a discovery waits for the value that came with a
// registration to be reported, so that values come in the order of the list.
const firstNews = 10 * time.Second

// watch observes a resource. done: it is observed and its value was reported.
// Otherwise it has to be read.
func (n *node) watch(ctx context.Context, at netip.AddrPort, l link) (done bool, err error) {
	n.mu.Lock()
	old := n.watches[l.name]
	n.mu.Unlock()
	if old != nil {
		if !old.over() && old.at == at {
			return false, nil // it stays; somebody wants the value once more
		}
		n.unwatchOne(l.name, old)
	}
	if n.door.watched.Add(1) > int64(n.door.cfg.MaxObservations) {
		n.door.watched.Add(-1)
		return false, nil
	}
	told := make(chan struct{})
	var once sync.Once
	obs, err := n.door.end.Observe(ctx, at, request(codeGET, l.name, nil), func(a exchange.Response) {
		_ = n.told(n.door.ctx, l, a)
		once.Do(func() { close(told) })
	})
	if err != nil {
		n.door.watched.Add(-1)
		if errors.Is(err, exchange.ErrNotObservable) {
			return false, nil
		}
		return false, err
	}
	if !n.watching(l.name, &watch{at, obs}) {
		return true, nil
	}
	patience := time.NewTimer(firstNews)
	defer patience.Stop()
	select {
	case <-told:
	case <-obs.Done():
	case <-patience.C:
	case <-ctx.Done():
		return true, ctx.Err()
	}
	return true, nil
}

// watching enters an observation; not when the node has gone meanwhile.
func (n *node) watching(name string, w *watch) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		w.obs.Stop()
		n.door.watched.Add(-1)
		return false
	}
	if n.watches == nil {
		n.watches = map[string]*watch{}
	}
	n.watches[name] = w
	return true
}

func (n *node) unwatchOne(name string, w *watch) {
	n.mu.Lock()
	mine := n.watches[name] == w
	if mine {
		delete(n.watches, name)
	}
	n.mu.Unlock()
	if mine {
		w.obs.Stop()
		n.door.watched.Add(-1)
	}
}

// unwatch ends every observation of the node and tells whether there was one.
func (n *node) unwatch() bool {
	n.mu.Lock()
	all := n.watches
	n.watches = nil
	n.mu.Unlock()
	for _, w := range all {
		w.obs.Stop()
	}
	n.door.watched.Add(-int64(len(all)))
	return len(all) > 0
}
