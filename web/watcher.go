package web

import (
	"context"
	"errors"
	"strconv"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/wire/websocket"
)

// maxAsked is how many subscriptions may wait until a stream has been written to.
const maxAsked = 16

// watcher is one live stream.
type watcher struct {
	hub     *hub
	conn    *websocket.Conn
	project roost.ProjectID
	still   func(context.Context) error // may it still watch?

	// Guarded by hub.mu:
	asked   []subscription
	telling bool // a goroutine runs tell; it alone touches wants, place and failed
	over    bool // the listening goroutine has ended

	wants  filter
	place  *live.Reader[*roost.Event] // nil before the first subscription
	failed bool                       // nothing more can be told
}

// subscription is what a peer wants to be told, and from where on.
type subscription struct {
	wants filter
	after *uint64 // nil: from where it is, or now
}

// listen waits for a subscription and takes it, then goes on waiting in a goroutine of
// its own: understanding one takes a deeper stack than waiting, and that would be kept
// for as long as the stream lasts.
func (w *watcher) listen() {
	op, message, err := w.conn.Next()
	tell := false
	if err == nil {
		tell, err = w.take(op, message)
	}
	if err != nil {
		w.end(err)
		w.hub.leave(w)
		return
	}
	w.hub.work.Go(w.listen)
	if tell {
		w.tell()
	}
}

// take understands one message. tell: see hub.ask.
func (w *watcher) take(op websocket.Op, message []byte) (tell bool, err error) {
	if op != websocket.Text {
		return false, &websocket.CloseError{Code: unreadable, Reason: "Only text messages are understood."}
	}
	wants, after, err := parseRequest(message, w.project)
	if err != nil {
		return false, &websocket.CloseError{Code: unreadable, Reason: err.Error()}
	}
	tell, ok := w.hub.ask(w, subscription{wants, after})
	if !ok {
		return false, &websocket.CloseError{Code: websocket.Policy, Reason: "too many subscriptions at once"}
	}
	return tell, nil
}

// end says why the stream ends, if it is ours to say.
func (w *watcher) end(err error) {
	if e, ok := errors.AsType[*websocket.CloseError](err); ok && !e.Peer {
		_ = w.conn.Close(e.Code, e.Reason) // the peer may be gone
		return
	}
	_ = w.conn.Cut()
}

// tell writes what there is to tell, then ends.
func (w *watcher) tell() {
	for {
		asked, more := w.hub.next(w)
		if !more {
			return
		}
		if err := w.say(asked); err != nil {
			w.failed = true
			w.fail(err)
		}
	}
}

// say greets for each subscription and writes one batch of events.
func (w *watcher) say(asked []subscription) error {
	for _, s := range asked {
		if err := w.subscribe(s); err != nil {
			return err
		}
	}
	if w.place.At() > w.hub.feed.Last() {
		return nil
	}
	b := batches.Get().(*batch)
	defer b.release()
	n, err := w.place.Next(never, b.events[:]) // does not wait: see above
	if err != nil {
		return err
	}
	return w.write(b, b.events[:n])
}

// subscribe replaces the filter. Without after, the stream goes on where it is.
func (w *watcher) subscribe(s subscription) error {
	w.wants = s.wants
	greeting := `{"type":"hello","seq":`
	switch {
	case s.after != nil:
		w.leavePlace()
		var ok bool
		if w.place, ok = w.hub.feed.After(*s.after); !ok {
			greeting = `{"type":"resync","seq":`
		}
	case w.place == nil:
		w.place = w.hub.feed.Tail()
	}
	return w.conn.WriteText(greeting + strconv.FormatUint(w.place.At()-1, 10) + "}")
}

func (w *watcher) leavePlace() {
	if w.place != nil {
		w.place.Close()
		w.place = nil
	}
}

// write sends those events that are wanted, in few writes.
func (w *watcher) write(b *batch, events []*roost.Event) error {
	b.wire = b.wire[:0]
	for _, e := range events {
		if !w.wants.passes(e) {
			continue
		}
		frame := w.hub.frames.of(e)
		if len(b.wire) > 0 && len(b.wire)+len(frame) > batchBytes {
			if err := w.conn.Write(b.wire); err != nil {
				return err
			}
			b.wire = b.wire[:0]
		}
		b.wire = append(b.wire, frame...)
	}
	if len(b.wire) == 0 {
		return nil
	}
	return w.conn.Write(b.wire)
}

// fail ends the stream; the listening goroutine then ends too.
func (w *watcher) fail(err error) {
	switch {
	case errors.Is(err, live.ErrCut):
		w.hub.log.Info("live stream cut: its reader is too slow")
		_ = w.conn.WriteText(`{"type":"cut","reason":"slow","seq":` + strconv.FormatUint(w.place.At()-1, 10) + "}")
		w.conn.Interrupt(fellBehind, "slow", endPatience)
	case errors.Is(err, live.ErrClosed):
		w.conn.Interrupt(websocket.GoingAway, "Roost is stopping.", endPatience)
	default:
		_ = w.conn.Cut() // what stands half-written cannot be followed by anything
	}
}
