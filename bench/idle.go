package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// settled is how long a server is left alone before its memory is read; no longer
// than another scenario lasts.
const settled = time.Second

// idleCrowd is how many of a kind are connected: so many that what the garbage collector
// has not yet given back of their beginnings does not hide what each keeps.
const idleCrowd = 5000

// Idle starts Config.Binary, a fresh one for each number, and measures how long
// it takes to be ready, what it has in memory then, and what it needs for each of
// 5,000 (Clients, Things) connected pages, live streams and WebSocket nodes that
// do nothing, or as many as the system lets the generator open.
func Idle(ctx context.Context, c Config) (Result, error) {
	most := min(idleCrowd, moreFiles()-100) // files that are open besides
	c = c.withDefaults(load{clients: most, things: most})
	r := Result{Scenario: "idle", Unit: "connected", Load: map[string]int{"pages": c.Clients, "live streams": c.Clients, "nodes": c.Things}}
	if err := c.check(ctx); err != nil {
		return r, err
	}
	if c.Binary == "" {
		return r, errors.New("the roost to be started is needed: give --binary")
	}
	info, err := os.Stat(c.Binary)
	if err != nil {
		return r, fmt.Errorf("find the binary: %w", err)
	}
	r.atMost("binary", "MB", float64(info.Size())/1e6, 60)
	for i, connect := range []func(context.Context, Config, *Result) error{idlePages, idleStreams, idleNodes} {
		s, err := startRoost(ctx, c)
		if err != nil {
			return r, err
		}
		pause(ctx, min(settled, c.Duration))
		if n, ok := memoryBytes(s.c.PID); ok && i == 0 {
			r.ServerMemory = &n
			r.atMost("idle memory", "MB", float64(n)/1e6, 60)
		}
		if i == 0 {
			r.atMost("start until ready", "ms", ms(s.started), 300)
		}
		err = connect(ctx, s.c, &r)
		s.close()
		if err != nil {
			return r, err
		}
	}
	return r, ctx.Err()
}

func idlePages(ctx context.Context, c Config, r *Result) error {
	pages := new(crowd)
	defer pages.close()
	each, ok, err := c.grows(ctx, c.Clients, func() error {
		err := pages.dialAll(ctx, c.Clients, func(ctx context.Context, _ int) (*wsConn, error) {
			conn, err := dialWS(ctx, c.HTTP, c.wsPath(), "", 512)
			if err != nil {
				return nil, err
			}
			return conn, conn.text(announce)
		})
		if err == nil {
			pages.read(deaf)
		}
		return err
	})
	if ok {
		r.more("bytes for a page at /ws", each)
	}
	return err
}

func idleStreams(ctx context.Context, c Config, r *Result) error {
	var streams *crowd
	defer func() { streams.close() }()
	each, ok, err := c.grows(ctx, c.Clients, func() (err error) {
		if streams, err = c.watchers(ctx, c.Clients); err == nil {
			streams.read(deaf)
		}
		return err
	})
	if ok {
		r.atMost("memory for a live stream", "kB", each/1e3, 8)
	}
	return err
}

func idleNodes(ctx context.Context, c Config, r *Result) error {
	var nodes *crowd
	defer func() { nodes.close() }()
	each, ok, err := c.grows(ctx, c.Things, func() (err error) {
		if nodes, err = c.nodes(ctx, c.Things); err == nil {
			nodes.read(deaf)
		}
		return err
	})
	if ok {
		r.more("bytes for a node at /node", each)
	}
	return err
}

// grows measures by how much the server's memory grows for each of n
// connections. Not ok: memory is not available here.
func (c Config) grows(ctx context.Context, n int, connect func() error) (each float64, ok bool, err error) {
	before, ok := memoryBytes(c.PID)
	if err := connect(); err != nil {
		return 0, false, err
	}
	pause(ctx, min(settled, c.Duration))
	after, ok2 := memoryBytes(c.PID)
	return (float64(after) - float64(before)) / float64(n), ok && ok2, nil
}
