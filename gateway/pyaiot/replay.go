package pyaiot

import (
	"context"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// batches are the buffers in which a writer joins chunks for one call.
var batches = sync.Pool{New: func() any {
	b := make([]byte, 0, 2*chunkBytes)
	return &b
}}

// write sends a snapshot as of event done, then what happened since, until ctx ends or
// the client is too slow.
func (c *client) write(ctx context.Context, reader *live.Reader[*chunk], done uint64) error {
	if err := c.snapshot(ctx, done); err != nil {
		return err
	}
	var got [16]*chunk
	for {
		n, err := reader.Next(ctx, got[:])
		if err != nil {
			return err
		}
		if err := c.hand(ctx, got[:n]); err != nil {
			return err
		}
		clear(got[:n])
	}
}

// hand writes chunks in one call, but for a snapshot between them.
func (c *client) hand(ctx context.Context, chunks []*chunk) error {
	if len(chunks) == 1 && chunks[0].to == nil { // shared as it is
		frames := chunks[0].frames.Load()
		if frames == nil {
			return errBehind
		}
		return c.conn.Write(*frames)
	}
	buf := batches.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= 16*chunkBytes {
			batches.Put(buf)
		}
	}()
	*buf = (*buf)[:0]
	for _, k := range chunks {
		switch frames := k.frames.Load(); {
		case k.to != nil && k.to != c:
		case k.replay:
			if err := c.flush(buf); err != nil {
				return err
			}
			if err := c.snapshot(ctx, k.done); err != nil {
				return err
			}
		case frames == nil:
			return errBehind
		default:
			*buf = append(*buf, *frames...)
		}
	}
	return c.flush(buf)
}

func (c *client) flush(buf *[]byte) error {
	if len(*buf) == 0 {
		return nil
	}
	err := c.conn.Write(*buf)
	*buf = (*buf)[:0]
	return err
}

// snapshot tells the client, and nobody else, what is there: each thing's new,
// then its values. What was told by a later event than done comes as that. Each thing
// is looked up when its turn comes, so that a big fleet is never copied whole.
func (c *client) snapshot(ctx context.Context, done uint64) error {
	var refs []roost.Ref
	c.d.cfg.Fleet.Each(c.Project, func(t roost.Thing, _ []roost.Resource) bool {
		if shown(t) {
			refs = append(refs, t.Ref)
		}
		return true
	})
	buf := batches.Get().(*[]byte)
	defer batches.Put(buf)
	*buf = (*buf)[:0]
	var text []byte
	for _, ref := range refs {
		t, rs, ok := c.d.cfg.Fleet.Get(ref)
		if !ok || !shown(t) {
			continue
		}
		text = wire.AppendNew(text[:0], string(ref.Thing), c.id)
		*buf = websocket.AppendText(*buf, text)
		for _, r := range identityFirst(withProtocol(t, rs)) {
			if r.Event > done {
				continue
			}
			text = wire.AppendUpdate(text[:0], string(ref.Thing), r.Name, string(r.Value), c.id)
			*buf = websocket.AppendText(*buf, text)
		}
		if len(*buf) >= chunkBytes {
			if err := c.flush(buf); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	err := c.flush(buf)
	c.replaying.Store(false)
	return err
}

// withProtocol makes up the resource that pages show, for things that do not say it.
func withProtocol(t roost.Thing, rs []roost.Resource) []roost.Resource {
	for _, r := range rs {
		if r.Name == "protocol" {
			return rs
		}
	}
	if t.Protocol == "" {
		return rs
	}
	return append(rs, roost.Resource{Name: "protocol", Value: roost.Text(string(t.Protocol))})
}
