package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func order(id string) roost.Command {
	now := time.Now()
	return roost.Command{
		ID: id, Ref: roost.Ref{Project: roost.Home, Thing: "esp32-a0b1c2"}, Kind: roost.Set, Resource: "led",
		Value: `"1"`, State: roost.Queued, By: "ada", Created: now, Expires: now.Add(time.Minute),
	}
}

// BenchmarkSaveCommand compares the group commit with a transaction for each
// write, alone and with 64 callers at once.
func BenchmarkSaveCommand(b *testing.B) {
	for _, durable := range []bool{false, true} {
		for _, callers := range []int{1, 64} {
			name := fmt.Sprintf("durable=%v/callers=%d/", durable, callers)
			b.Run(name+"grouped", func(b *testing.B) {
				s := openNew(b, Config{Durable: durable})
				saveMany(b, callers, s.SaveCommand)
			})
			b.Run(name+"each", func(b *testing.B) {
				s := openNew(b, Config{Durable: durable})
				saveMany(b, callers, s.saveAlone)
			})
		}
	}
}

// saveAlone is SaveCommand in a transaction of its own.
func (s *Store) saveAlone(ctx context.Context, c roost.Command) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, saveCommand, c.Project, c.ID, c.Thing, c.Kind, c.Resource, c.Value, c.State, c.Result,
		c.Error, c.By, ms(c.Created), ms(c.Sent), ms(c.Ended), ms(c.Expires))
	if err != nil {
		return err
	}
	return tx.Commit()
}

func saveMany(b *testing.B, callers int, save func(context.Context, roost.Command) error) {
	var n atomic.Int64
	b.SetParallelism(max(callers/2, 1))
	b.ReportAllocs()
	b.ResetTimer()
	one := func() {
		if err := save(context.Background(), order(fmt.Sprint("c", n.Add(1)))); err != nil {
			b.Error(err)
		}
	}
	if callers == 1 {
		for b.Loop() {
			one()
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			one()
		}
	})
}

// BenchmarkBatch is what the registry saves once a second: 10,000 things with a value each.
func BenchmarkBatch(b *testing.B) {
	const n = 10_000
	things, values := make([]roost.Thing, n), make([]roost.ResourceOf, n)
	for i := range n {
		ref := roost.Ref{Project: roost.Home, Thing: roost.ThingID(fmt.Sprint("esp32-", i))}
		things[i] = roost.Thing{Ref: ref, Identity: roost.Identity{Door: "coap", Own: string(ref.Thing)}, LastHeard: time.Now()}
		values[i] = roost.ResourceOf{Ref: ref, Resource: roost.Resource{Name: "temperature", Value: `"24.1°C"`, At: time.Now()}}
	}
	s := openNew(b, Config{})
	texts := make([]roost.TextReading, n)
	for i := range n {
		texts[i] = roost.TextReading{Series: 1, At: time.UnixMilli(int64(i) + 1), Value: `"a text"`}
	}
	if err := s.SaveThings(b.Context(), things); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Series(b.Context(), things[0].Ref, "name"); err != nil {
		b.Fatal(err)
	}
	for name, save := range map[string]func() error{
		"things":    func() error { return s.SaveThings(b.Context(), things) },
		"resources": func() error { return s.SaveResources(b.Context(), values) },
		"texts":     func() error { return s.SaveTexts(b.Context(), texts) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := save(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
