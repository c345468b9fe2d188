package web

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/wire/websocket"
)

// hub is all live streams. A stream has a goroutine that listens, and while there
// is something to tell one that tells; between events it sleeps in a set, and
// the hub's own goroutine, which follows the feed, wakes the set at each event.
type hub struct {
	feed   *live.Feed
	frames *frames
	most   int
	log    *slog.Logger

	follow context.Context // of the goroutine that follows the feed
	stop   context.CancelFunc
	work   sync.WaitGroup // all goroutines of the hub and its watchers

	mu        sync.Mutex
	watchers  map[*watcher]struct{}
	sleeping  map[*watcher]struct{} // have subscribed and been told everything
	following bool
	closed    bool
}

func newHub(feed *live.Feed, frames *frames, most int, log *slog.Logger) *hub {
	h := &hub{
		feed: feed, frames: frames, most: most, log: log,
		watchers: map[*watcher]struct{}{}, sleeping: map[*watcher]struct{}{},
	}
	h.follow, h.stop = context.WithCancel(context.Background())
	return h
}

func (h *hub) hasRoom() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.closed && len(h.watchers) < h.most
}

// admit starts w, or turns it away when the server is closing.
func (h *hub) admit(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = w.conn.Cut()
		return
	}
	h.watchers[w] = struct{}{}
	h.work.Go(w.listen)
	if !h.following {
		h.following = true
		place := h.feed.Tail() // here: w may sleep before ring runs, and what comes meanwhile must wake it
		h.work.Go(func() { h.ring(place) })
	}
}

// ring wakes those who sleep, at each event from place on, until the feed or the hub
// closes.
func (h *hub) ring(place *live.Reader[*roost.Event]) {
	var news [64]*roost.Event
	defer func() { place.Close() }()
	for {
		_, err := place.Next(h.follow, news[:])
		switch {
		case errors.Is(err, live.ErrCut): // what it missed is news all the same
			place.Close()
			place = h.feed.Tail()
		case errors.Is(err, live.ErrClosed):
			h.interruptAll()
			return
		case err != nil:
			return
		}
		h.mu.Lock()
		for w := range h.sleeping {
			h.start(w)
		}
		clear(h.sleeping)
		h.mu.Unlock()
	}
}

// start lets w tell, if it does not already; the caller holds h.mu.
func (h *hub) start(w *watcher) {
	if !w.telling {
		w.telling = true
		h.work.Go(w.tell)
	}
}

// ask hands w what its peer wants; not ok when it asks for too much at once. tell: nobody
// tells w anything at the moment, so whoever asked has to do it.
func (h *hub) ask(w *watcher, s subscription) (tell, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(w.asked) >= maxAsked {
		return false, false
	}
	w.asked = append(w.asked, s)
	tell = !w.telling
	w.telling = true
	return tell, true
}

// next gives the telling goroutine of w what was asked meanwhile, or tells it to
// end because there is nothing to do. It decides under the lock that ring takes
// after each event, so that no event finds w neither telling nor asleep.
func (h *hub) next(w *watcher) (asked []subscription, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.over || w.failed {
		return nil, h.rest(w)
	}
	asked, w.asked = w.asked, nil
	if len(asked) > 0 || w.place != nil && w.place.At() <= h.feed.Last() {
		return asked, true
	}
	if w.place != nil {
		h.sleeping[w] = struct{}{}
	}
	return nil, h.rest(w)
}

// rest ends the telling of w; the caller holds h.mu. It gives false.
func (h *hub) rest(w *watcher) bool {
	w.telling = false
	if w.over {
		w.leavePlace()
	}
	return false
}

// leave ends w, whose connection is cut: its listening goroutine is at its end.
func (h *hub) leave(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
	delete(h.sleeping, w)
	w.over = true
	if !w.telling {
		w.leavePlace()
	}
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers)
}

func (h *hub) all() []*watcher {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*watcher, 0, len(h.watchers))
	for w := range h.watchers {
		all = append(all, w)
	}
	return all
}

// expel ends the streams of those who signed out or lost their right meanwhile.
func (h *hub) expel(ctx context.Context) {
	var sending sync.WaitGroup
	for _, w := range h.all() {
		err := w.still(ctx)
		if kind := roost.KindOf(err); err == nil || kind != roost.Unauthorized && kind != roost.Denied {
			continue // a store that is down signs nobody out
		}
		sending.Go(func() { w.conn.Interrupt(signedOut, roost.Message(err), endPatience) })
	}
	sending.Wait()
}

// interruptAll ends all streams with 1001, each in its own time.
func (h *hub) interruptAll() {
	for _, w := range h.all() {
		h.work.Go(func() { w.conn.Interrupt(websocket.GoingAway, "Roost is stopping.", endPatience) })
	}
}

// close ends all streams and waits for them; new ones are turned away.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.interruptAll()
	h.work.Wait()
}
