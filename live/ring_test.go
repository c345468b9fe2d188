package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/roost-iot/roost/live"
)

func fill(r *live.Ring[uint64], n int) {
	for range n {
		r.Append(func(seq uint64) uint64 { return seq })
	}
}

func TestReaderGetsAllInOrder(t *testing.T) {
	r := live.NewRing[uint64](1<<16, 1000)
	d := r.Tail()
	defer d.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { fill(r, 10_000) })
	}
	buf := make([]uint64, 64)
	for want := uint64(1000); want < 41_000; {
		n, err := d.Next(t.Context(), buf)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range buf[:n] {
			if got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			want++
		}
	}
	wg.Wait()
}

func TestSlowReaderIsCutAndWriterIsNot(t *testing.T) {
	r := live.NewRing[uint64](8, 0)
	d := r.Tail()
	defer d.Close()
	fill(r, 9)
	if _, err := d.Next(t.Context(), make([]uint64, 4)); !errors.Is(err, live.ErrCut) {
		t.Errorf("a reader that is 9 behind a ring of 8 got %v", err)
	}
}

func TestResume(t *testing.T) {
	r := live.NewRing[uint64](8, 100)
	fill(r, 10) // 100..109, of which 102..109 are kept
	buf := make([]uint64, 16)
	for _, c := range []struct {
		after uint64
		ok    bool
		first uint64
	}{{105, true, 106}, {101, true, 102}, {100, false, 0}, {5, false, 0}, {500, false, 0}} {
		d, ok := r.After(c.after)
		if ok != c.ok {
			t.Errorf("resume after %d: %v", c.after, ok)
		}
		if ok {
			if n, err := d.Next(t.Context(), buf); err != nil || n == 0 || buf[0] != c.first {
				t.Errorf("resume after %d gave %v, %v", c.after, buf[:n], err)
			}
		}
		d.Close()
	}
	if d, ok := r.After(109); !ok || d.At() != 110 {
		t.Errorf("resume after the last event: %v, %d", ok, d.At())
	}
	if n := r.Watchers(); n != 1 {
		t.Errorf("%d watchers, want the one still open", n)
	}
}

func TestSleepingReadersWakeOrEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := live.NewRing[uint64](8, 0)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 3)
		read := func(ctx context.Context) {
			d := r.Tail()
			_, err := d.Next(ctx, make([]uint64, 1))
			got <- err
		}
		go read(ctx)
		synctest.Wait()
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled reader got %v", err)
		}
		go read(context.Background())
		synctest.Wait()
		fill(r, 1)
		if err := <-got; err != nil {
			t.Errorf("woken reader got %v", err)
		}
		go read(context.Background())
		synctest.Wait()
		r.Close()
		if err := <-got; !errors.Is(err, live.ErrClosed) {
			t.Errorf("reader of a closed ring got %v", err)
		}
	})
}

func BenchmarkRing(b *testing.B) {
	for _, readers := range []int{1, 100} {
		b.Run(map[int]string{1: "1reader", 100: "100readers"}[readers], func(b *testing.B) {
			r := live.NewRing[uint64](1<<16, 0)
			ctx, cancel := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			for range readers {
				d := r.Tail()
				wg.Go(func() {
					buf := make([]uint64, 512)
					for {
						if _, err := d.Next(ctx, buf); err != nil {
							return
						}
					}
				})
			}
			for b.Loop() {
				r.Append(func(seq uint64) uint64 { return seq })
			}
			cancel()
			wg.Wait()
		})
	}
}
