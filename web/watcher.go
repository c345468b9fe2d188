package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/wire/websocket"
)

// watcher is one live stream. While nothing happens it costs two sleeping
// goroutines: one listens, one (from the first subscription on) tells.
type watcher struct {
	hub     *hub
	conn    *websocket.Conn
	project roost.ProjectID
	still   func(context.Context) error // may it still watch?

	// Of the listening goroutine:
	wants filter
	place *live.Reader[*roost.Event] // nil before the first subscription
	stop  context.CancelFunc         // of the telling goroutine
	told  chan struct{}              // closed when that has ended
}

// listen takes subscriptions until the stream ends.
func (w *watcher) listen() {
	defer w.hub.leave(w)
	defer w.quiet()
	for {
		op, message, err := w.conn.Next()
		if err != nil {
			w.end(err)
			return
		}
		if op != websocket.Text {
			w.end(&websocket.CloseError{Code: unreadable, Reason: "Only text messages are understood."})
			return
		}
		wants, after, err := parseRequest(message, w.project)
		if err != nil {
			w.end(&websocket.CloseError{Code: unreadable, Reason: err.Error()})
			return
		}
		if w.subscribe(wants, after) != nil {
			_ = w.conn.Cut()
			return
		}
	}
}

// end says why the stream ends, if it is ours to say.
func (w *watcher) end(err error) {
	if e, ok := errors.AsType[*websocket.CloseError](err); ok && !e.Peer {
		_ = w.conn.Close(e.Code, e.Reason) // the peer may be gone
		return
	}
	_ = w.conn.Cut()
}

// subscribe replaces the filter. Without after, the stream goes on where it is.
func (w *watcher) subscribe(wants filter, after *uint64) error {
	w.pause()
	w.wants = wants
	greeting := `{"type":"hello","seq":`
	switch {
	case after != nil:
		w.leavePlace()
		var ok bool
		if w.place, ok = w.hub.feed.After(*after); !ok {
			greeting = `{"type":"resync","seq":`
		}
	case w.place == nil:
		w.place = w.hub.feed.Tail()
	}
	if err := w.conn.WriteText(greeting + strconv.FormatUint(w.place.At()-1, 10) + "}"); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.told = stop, make(chan struct{})
	go w.tell(ctx)
	return nil
}

// pause ends the telling goroutine and waits for it.
func (w *watcher) pause() {
	if w.stop != nil {
		w.stop()
		<-w.told
		w.stop = nil
	}
}

func (w *watcher) leavePlace() {
	if w.place != nil {
		w.place.Close()
		w.place = nil
	}
}

// quiet ends what listen began. The connection is cut by then, so that no write hangs.
func (w *watcher) quiet() {
	w.pause()
	w.leavePlace()
}

// tell writes what happens until ctx ends or the stream does.
func (w *watcher) tell(ctx context.Context) {
	defer close(w.told)
	var first [1]*roost.Event
	for ctx.Err() == nil {
		_, err := w.place.Next(ctx, first[:])
		switch {
		case err == nil:
		case errors.Is(err, live.ErrCut):
			w.cut()
			return
		case errors.Is(err, live.ErrClosed):
			w.conn.Interrupt(websocket.GoingAway, "Roost is stopping.", endPatience)
			return
		default:
			return
		}
		if w.write(first[0]) != nil {
			_ = w.conn.Cut() // what stands half-written cannot be followed by anything
			return
		}
	}
}

// write sends first and what waits behind it, in few writes.
func (w *watcher) write(first *roost.Event) error {
	b := batches.Get().(*batch)
	defer b.release()
	wire := b.wire[:0]
	defer func() { b.wire = wire }()
	for _, e := range b.fill(first, w.place, w.hub.feed.Last()) {
		if !w.wants.passes(e) {
			continue
		}
		frame := w.hub.frames.of(e)
		if len(wire) > 0 && len(wire)+len(frame) > batchBytes {
			if err := w.conn.Write(wire); err != nil {
				return err
			}
			wire = wire[:0]
		}
		wire = append(wire, frame...)
	}
	if len(wire) == 0 {
		return nil
	}
	return w.conn.Write(wire)
}

// cut tells a reader that fell behind to come back, and ends the stream.
func (w *watcher) cut() {
	w.hub.log.Info("live stream cut: its reader is too slow")
	_ = w.conn.WriteText(`{"type":"cut","reason":"slow","seq":` + strconv.FormatUint(w.place.At()-1, 10) + "}")
	w.conn.Interrupt(fellBehind, "slow", endPatience)
}
