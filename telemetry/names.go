package telemetry

import (
	"context"
	"sync"

	"github.com/roost-iot/roost"
)

// name is what a series is called.
type name struct {
	ref      roost.Ref
	resource string
}

// named is the number of a series and the last text written to it.
type named struct {
	id   int64
	last roost.Value
}

// names remembers the numbers of series.
type names struct {
	mu    sync.Mutex
	known map[name]*named
}

func (n *names) number(ctx context.Context, store Store, ref roost.Ref, resource string) (*named, error) {
	key := name{ref, resource}
	n.mu.Lock()
	s := n.known[key]
	n.mu.Unlock()
	if s != nil {
		return s, nil
	}
	id, err := store.Series(ctx, ref, resource)
	if err != nil {
		return nil, err
	}
	s = &named{id: id}
	n.mu.Lock()
	n.known[key] = s
	n.mu.Unlock()
	return s, nil
}

// forgetTexts makes texts that were not written count as new again.
func (n *names) forgetTexts(texts []roost.TextReading) {
	unwritten := make(map[int64]bool, len(texts))
	for _, t := range texts {
		unwritten[t.Series] = true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.known {
		if unwritten[s.id] {
			s.last = ""
		}
	}
}

// forget drops the numbers of one thing's series.
func (n *names) forget(ref roost.Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for k := range n.known {
		if k.ref == ref {
			delete(n.known, k)
		}
	}
}
