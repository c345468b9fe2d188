package main

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/store/series"
)

const (
	pageMemory  = 7 * 24 * time.Hour // of readings: the page may run for years
	forgetEvery = time.Hour
)

// forget deletes readings older than the page's memory, now and then, until ctx ends.
func (d *dashboard) forget(ctx context.Context) {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := d.forgetBefore(ctx, time.Now().Add(-pageMemory)); err != nil && ctx.Err() == nil {
				d.log.Warn("old readings not deleted", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// forgetBefore deletes the readings of all things before a time.
func (d *dashboard) forgetBefore(ctx context.Context, before time.Time) error {
	type named struct {
		ref      roost.Ref
		resource string
	}
	var all []named
	d.registry.Each(roost.Home, func(t roost.Thing, rs []roost.Resource) bool {
		for _, r := range rs {
			all = append(all, named{t.Ref, r.Name})
		}
		return true
	})
	for _, n := range all {
		id, there, err := d.store.FindSeries(ctx, n.ref, n.resource)
		if err == nil && there {
			err = d.numbers.Delete(ctx, series.ID(id), before.UnixMilli())
		}
		if err == nil && there {
			err = d.store.ExpireTexts(ctx, id, before)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
