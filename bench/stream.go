package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// Stream measures how many readings of one source get through to those who watch
// our own live stream. Defaults: 1,000 watchers, 64 updates under way.
func Stream(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{gateways: 1, things: 1, clients: 1000, inFlight: 64})
	if err := c.check(ctx, c.HTTP); err != nil {
		return Result{}, err
	}
	d := newDrive(c, c.Clients)
	watchers, err := c.watchers(ctx, c.Clients)
	defer watchers.close()
	if err != nil {
		return Result{}, err
	}
	watchers.read(d.hear)
	r, err := d.fromGateways(ctx, "stream", watchers)
	r.Load = map[string]int{"sources": c.Gateways * c.Things, "watchers": c.Clients, "updates in flight": c.InFlight}
	d.noteRate(&r)
	return r, err
}

// watchers opens live streams of readings, each of which subscribes as soon as it is
// open, as a page does. The crowd is to be closed even after an error.
func (c Config) watchers(ctx context.Context, n int) (*crowd, error) {
	watchers := new(crowd)
	if c.Token == "" {
		return watchers, errors.New("the live stream needs an API token: give --token")
	}
	path, size := "/api/v2/stream?access_token="+url.QueryEscape(c.Token), readBuffer(n)
	err := watchers.dialAll(ctx, n, func(ctx context.Context, _ int) (*wsConn, error) {
		conn, err := dialWS(ctx, c.HTTP, path, "", size)
		if err != nil {
			return nil, err
		}
		return conn, conn.text(`{"subscribe":{"types":["reading"]}}`)
	})
	if err != nil {
		return watchers, fmt.Errorf("open live streams: %w", err)
	}
	return watchers, nil
}
