package telemetry

import (
	"context"
	"log/slog"
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

// names remembers the numbers of series, and how many each thing has.
type names struct {
	most int // of one thing
	log  *slog.Logger

	mu    sync.Mutex
	known map[name]*named
	count map[roost.Ref]*tally
}

// tally is how many series one thing has in the store, and whether the log says
// that it wanted more.
type tally struct {
	series int
	told   bool
}

func newNames(most int, log *slog.Logger) names {
	return names{most: most, log: log, known: map[name]*named{}, count: map[roost.Ref]*tally{}}
}

// number gives the series of one resource and makes one at its first use; nil when
// the thing has as many as it may. Only the writing goroutine calls it.
func (n *names) number(ctx context.Context, store Store, ref roost.Ref, resource string) (*named, error) {
	key := name{ref, resource}
	n.mu.Lock()
	s := n.known[key]
	n.mu.Unlock()
	if s != nil {
		return s, nil
	}
	id, ok, err := store.FindSeries(ctx, ref, resource)
	if err != nil {
		return nil, err
	}
	if !ok {
		if id, ok, err = n.make(ctx, store, ref, resource); !ok || err != nil {
			return nil, err
		}
	}
	s = &named{id: id}
	n.mu.Lock()
	n.known[key] = s
	n.mu.Unlock()
	return s, nil
}

// make gives a resource its series; ok is false when the thing has too many.
func (n *names) make(ctx context.Context, store Store, ref roost.Ref, resource string) (id int64, ok bool, err error) {
	n.mu.Lock()
	c := n.count[ref]
	n.mu.Unlock()
	if c == nil {
		ids, err := store.SeriesOf(ctx, ref)
		if err != nil {
			return 0, false, err
		}
		c = &tally{series: len(ids)}
		n.mu.Lock()
		n.count[ref] = c
		n.mu.Unlock()
	}
	if c.series >= n.most {
		if !c.told {
			n.log.Warn("readings dropped: the thing has too many resources over time", "thing", ref.Thing, "resource", resource, "most", n.most)
		}
		c.told = true
		return 0, false, nil
	}
	if id, err = store.Series(ctx, ref, resource); err != nil {
		return 0, false, err
	}
	c.series++
	return id, true, nil
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

// forget drops the numbers of one thing's series. No batch is written meanwhile.
func (n *names) forget(ref roost.Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.count, ref)
	for k := range n.known {
		if k.ref == ref {
			delete(n.known, k)
		}
	}
}
