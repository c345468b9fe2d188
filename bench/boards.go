package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// boardsEvery is how often each board of Boards syncs.
const boardsEvery = time.Second

// Boards measures what many boards with Roost's own runtime cost: each has a session,
// and sends two values a second in a sealed sync. The boards are played in Go, over the
// real protocol. Nothing may be lost: the server's own count of readings is compared.
// Default: 1,000 boards.
func Boards(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{gateways: 1, things: 1000, clients: 1, inFlight: 1})
	if c.Token == "" {
		return ownServer(ctx, c, Boards)
	}
	if err := c.check(ctx, c.HTTP); err != nil {
		return Result{}, err
	}
	b := &boardBench{api: appBench{c: c, client: &http.Client{Timeout: 30 * time.Second}}}
	defer b.api.client.CloseIdleConnections()
	if err := b.enrol(ctx, c.Things); err != nil {
		return Result{}, err
	}
	defer b.close()
	if err := b.register(ctx); err != nil {
		return Result{}, err
	}
	r := Result{Load: map[string]int{"boards": c.Things, "syncs a second": c.Things}}
	before, began := usageNow(c.PID), time.Now()
	took, err := b.run(ctx, max(c.Duration, 10*time.Second))
	in := time.Since(began)
	r.used(c.PID, before, usageNow(c.PID))
	r.timed("syncs", took.n, in, took)
	if err != nil {
		return r, err
	}
	if r.ServerCPU != nil {
		r.more("CPU %", 100**r.ServerCPU/in.Seconds())
	}
	r.Lost, err = b.missing(ctx)
	return r, err
}

// boardBench is one run of Boards.
type boardBench struct {
	api    appBench
	boards []*playedBoard
	late   atomic.Uint64 // syncs that were answered after their second
}

// playedBoard is one board.
type playedBoard struct {
	desk.Client
	boot      string
	transport *http.Transport
	last      int64 // time of its last entry
	sent      int
}

// enrol makes the boards' things, a few at a time.
func (b *boardBench) enrol(ctx context.Context, n int) error {
	b.boards = make([]*playedBoard, n)
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error {
			var made struct{ ID, Key string }
			if err := b.api.call(ctx, "POST", "/boards", map[string]any{"name": fmt.Sprint("bench ", i)}, &made); err != nil {
				return err
			}
			key, err := agent.ParseKey(made.Key)
			p := &playedBoard{boot: fmt.Sprintf("%08x", i), transport: &http.Transport{MaxIdleConns: 1, DialContext: (&net.Dialer{}).DialContext}}
			p.Client = desk.Client{URL: "http://" + b.api.c.HTTP, ID: made.ID, Key: key, HTTP: &http.Client{Transport: p.transport, Timeout: 30 * time.Second}}
			b.boards[i] = p
			return err
		})
	}
	return all.Wait()
}

func (b *boardBench) close() {
	for _, p := range b.boards {
		p.transport.CloseIdleConnections()
	}
}

// register lets all boards say hello and register, some at a time.
func (b *boardBench) register(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(32)
	for _, p := range b.boards {
		all.Go(func() error { return p.register(ctx) })
	}
	return all.Wait()
}

// run lets all boards sync each second, and times the syncs.
func (b *boardBench) run(ctx context.Context, d time.Duration) (*histogram, error) {
	all, ctx := errgroup.WithContext(ctx)
	took := new(histogram)
	var mu sync.Mutex
	began := time.Now()
	for i, p := range b.boards {
		all.Go(func() error {
			own := new(histogram)
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				took.merge(own)
			}()
			offset := boardsEvery * time.Duration(i) / time.Duration(len(b.boards))
			if !pause(ctx, offset) {
				return ctx.Err()
			}
			return b.syncs(ctx, p, began.Add(offset), d, own)
		})
	}
	err := all.Wait()
	return took, err
}

func (p *playedBoard) register(ctx context.Context) error {
	_, err := p.Register(ctx, agent.Register{
		Boot: p.boot, MAC: "02000" + p.boot[1:], Platform: "esp32", Machine: "played", Python: "micropython 1.27.0", Profile: "full",
		OS: "1.0.0", App: "0", Max: 4096, Mem: 98000, Flash: 812000, Reset: "power on",
	})
	if err != nil {
		return fmt.Errorf("register %s: %w", p.ID, err)
	}
	return nil
}

// syncs sends a sync each second for d, whether or not the server keeps up.
func (b *boardBench) syncs(ctx context.Context, p *playedBoard, began time.Time, d time.Duration, took *histogram) error {
	for n := 1; ; n++ {
		due := began.Add(boardsEvery * time.Duration(n))
		if due.Sub(began) > d {
			return nil
		}
		if !pause(ctx, time.Until(due)) {
			return ctx.Err()
		}
		began := time.Now()
		p.last = max(p.last+1, began.UnixMilli())
		q := []agent.Entry{{At: p.last, Kind: agent.EntryValues, Body: roost.Value(fmt.Sprintf(`{"n":%d,"temperature":%.1f}`, n, 20+float64(n%50)/10))}}
		a, err := p.Sync(ctx, agent.Sync{Boot: p.boot, Up: int64(n) * 1000, OS: "1.0.0", App: "0", IP: "127.0.0.1", Mem: 98000, Queue: q})
		if err != nil {
			return fmt.Errorf("sync %d of %s: %w", n, p.ID, err)
		}
		if a.Upto != p.last {
			return fmt.Errorf("sync %d of %s: %d is kept, not %d", n, p.ID, a.Upto, p.last)
		}
		p.sent++
		took.add(time.Since(due))
		if time.Since(due) > boardsEvery {
			b.late.Add(1)
		}
	}
}

// missing counts readings that the server does not have, of every 20th board.
func (b *boardBench) missing(ctx context.Context) (lost uint64, err error) {
	for i := 0; i < len(b.boards); i += 20 {
		p := b.boards[i]
		var answer struct {
			Numbers []struct{ N int }
		}
		path := fmt.Sprintf("/things/%s/readings?resource=n&from=1&to=%d&points=2000", p.ID, time.Now().Add(time.Hour).UnixMilli())
		if err := b.api.call(ctx, "GET", path, nil, &answer); err != nil {
			return lost, err
		}
		kept := 0
		for _, at := range answer.Numbers {
			kept += at.N
		}
		if kept > p.sent {
			return lost, errors.New("readings were doubled")
		}
		lost += uint64(p.sent - kept)
	}
	return lost, nil
}
