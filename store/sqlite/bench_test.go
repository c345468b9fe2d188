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
