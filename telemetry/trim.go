package telemetry

import (
	"context"
	"sync"

	"github.com/roost-iot/roost"
)

// ids are the numbers given to messages and log lines last.
type ids struct {
	mu     sync.Mutex // held while they are read
	loaded bool

	message, line int64 // guarded by Telemetry.mu once loaded
}

// load takes up where the store is. It costs nothing once it has succeeded.
func (i *ids) load(ctx context.Context, store Store) (err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.loaded {
		return nil
	}
	if i.message, err = store.LastMessage(ctx); err != nil {
		return err
	}
	if i.line, err = store.LastLine(ctx); err != nil {
		return err
	}
	i.loaded = true
	return nil
}

// told is what a thing has too much of after a while.
type told uint8

const (
	ofMessages told = iota
	ofLines
)

// toTrim is one thing's messages or log lines.
type toTrim struct {
	ref  roost.Ref
	told told
}

// trimmer counts what was written since it was last trimmed. Trimming costs a walk
// over what is kept, so it is done once for each hundredth of it.
type trimmer struct {
	mu    sync.Mutex
	since map[toTrim]int
	due   map[toTrim]struct{}
	wake  chan struct{}
}

func newTrimmer() trimmer {
	return trimmer{since: map[toTrim]int{}, due: map[toTrim]struct{}{}, wake: make(chan struct{}, 1)}
}

// count notes one more of what a thing has; the first since the start is due at once,
// because nobody knows how many there are.
func (r *trimmer) count(ref roost.Ref, what told, keep int) {
	key := toTrim{ref, what}
	r.mu.Lock()
	n, counted := r.since[key]
	r.since[key] = n + 1
	due := !counted || n+1 > keep/100
	if due {
		r.since[key] = 0
		r.due[key] = struct{}{}
	}
	r.mu.Unlock()
	if due {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// forget is for a thing that is gone.
func (r *trimmer) forget(ref roost.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, what := range []told{ofMessages, ofLines} {
		delete(r.since, toTrim{ref, what})
		delete(r.due, toTrim{ref, what})
	}
}

// next takes one that is due.
func (r *trimmer) next() (key toTrim, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key = range r.due {
		delete(r.due, key)
		return key, true
	}
	return key, false
}

// trimAll keeps messages and logs within their bounds until ctx ends.
func (t *Telemetry) trimAll(ctx context.Context) {
	for {
		select {
		case <-t.trim.wake:
		case <-ctx.Done():
			return
		}
		for key, ok := t.trim.next(); ok && ctx.Err() == nil; key, ok = t.trim.next() {
			if err := t.trimOne(ctx, key); err != nil && ctx.Err() == nil {
				t.log.Warn("old messages not deleted", "thing", key.ref.Thing, "err", err)
			}
		}
	}
}

func (t *Telemetry) trimOne(ctx context.Context, key toTrim) error {
	if key.told == ofLines {
		return t.store.TrimLines(ctx, key.ref, t.cfg.Lines)
	}
	return t.store.TrimMessages(ctx, key.ref, t.cfg.Messages)
}
