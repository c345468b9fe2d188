package agent

import (
	"context"
	"errors"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
)

// Run tells things that wait of news, and makes releases, until ctx ends; then those that
// wait are answered.
func (d *Door) Run(ctx context.Context) {
	var parts sync.WaitGroup
	parts.Go(func() { d.releases.run(ctx) })
	parts.Go(func() { d.runtimes.keepOwn(ctx) })
	d.watch(ctx)
	close(d.closing)
	parts.Wait()
}

// watch reads the feed until ctx ends.
func (d *Door) watch(ctx context.Context) {
	batch := make([]*roost.Event, 256)
	for ctx.Err() == nil {
		reader := d.cfg.Feed.Tail()
		d.wakeAll() // for what may have gone by
		for {
			n, err := reader.Next(ctx, batch)
			for _, e := range batch[:n] {
				d.hear(ctx, e)
			}
			if err != nil {
				reader.Close()
				if errors.Is(err, live.ErrCut) {
					break
				}
				<-ctx.Done() // the feed is closed: there is no more news
				return
			}
		}
	}
}

// hear wakes those whom an event is about.
func (d *Door) hear(ctx context.Context, e *roost.Event) {
	switch e.Kind {
	case roost.CommandChanged:
		if e.Command.Kind.Fetched() && e.Command.State == roost.Queued {
			d.wake(e.Ref)
		} else if e.Command.State.Final() {
			d.wake(e.Ref) // the next of its line may go
		}
	case roost.SoftwareChanged, roost.ThingChanged:
		d.wake(e.Ref)
	case roost.AppChanged:
		for _, t := range d.all() {
			if s, ok := d.cfg.Releases.Software(t.ref); ok && s.App == e.App && s.Project == e.Project {
				t.wake()
			}
		}
	case roost.ThingForgotten:
		if _, _, ok := d.cfg.Registry.Get(e.Ref); ok {
			return // it has come again since, with a key of its own
		}
		if err := d.Forget(context.WithoutCancel(ctx), e.Ref); err != nil {
			d.cfg.Log.Error("key of a deleted thing not forgotten", "thing", string(e.Ref.Thing), "err", err)
		}
	}
}

func (d *Door) wake(ref roost.Ref) {
	if t := d.known(ref); t != nil {
		t.wake()
	}
}

func (d *Door) wakeAll() {
	for _, t := range d.all() {
		t.wake()
	}
}
