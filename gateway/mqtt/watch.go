package mqtt

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/live"
)

// watch is the programs' side: it tells them what the feed says of things, as long as
// somebody may want to hear it.
type watch struct {
	d *Door

	mu     sync.Mutex
	wanted map[string]map[string]struct{} // client id to filters; "" stands for those from before
	asked  map[string]question            // commands whose end is waited for, by id
	early  map[string]*roost.Command      // commands that ended while they were submitted
	busy   int                            // submissions under way
	reader *live.Reader[*roost.Event]     // nil: nobody wants to hear anything
	woken  chan struct{}                  // there is a reader now
	online map[roost.ThingID]bool         // as last told

	out []*broker.Message // to be said, of the goroutine that follows the feed
}

// question is a program that waits for a command's end.
type question struct {
	topic       string // "": the thing's result topic only
	correlation []byte
	until       time.Time
}

const (
	// maxAsked is how many programs may wait for the end of a command.
	maxAsked = 10_000
	// maxWanted is of how many sessions it is known whether they want to hear anything.
	maxWanted = 10_000
	// fromBefore stands for sessions that the journal has kept, whose subscriptions we
	// were not told, and for those that are too many.
	fromBefore = "\x00"
)

func (w *watch) init(d *Door) {
	w.d = d
	w.wanted, w.asked, w.early = map[string]map[string]struct{}{}, map[string]question{}, map[string]*roost.Command{}
	w.online = map[roost.ThingID]bool{}
	w.woken = make(chan struct{}, 1)
}

// selectsState tells that a filter may select what programs are told of things.
func selectsState(filter string) bool {
	tree, rest, deep := strings.Cut(bare(filter), "/")
	if tree == "#" {
		return true
	}
	if !deep || tree != "roost" && tree != "+" {
		return false
	}
	_, rest, deep = strings.Cut(rest, "/")
	if !deep {
		return strings.HasSuffix(filter, "#")
	}
	word, _, _ := strings.Cut(rest, "/")
	switch word {
	case "state", "online", "result", "+", "#":
		return true
	}
	return false
}

// add notes who wants to hear of things.
func (w *watch) add(client, filter string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.d.cfg.Feed == nil {
		return
	}
	if w.wanted[client] == nil {
		if len(w.wanted) >= maxWanted { // among them are sessions that have expired by now
			client = fromBefore
		}
		w.wanted[client] = map[string]struct{}{}
	}
	w.wanted[client][filter] = struct{}{}
	w.listen()
}

// listen begins to read the feed; the caller holds w.mu.
func (w *watch) listen() {
	if w.reader != nil {
		return
	}
	w.reader = w.d.cfg.Feed.Tail()
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

func (w *watch) drop(client, filter string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wanted[client], filter)
	if len(w.wanted[client]) == 0 {
		delete(w.wanted, client)
	}
}

// forget takes a client out whose session is over, unless another connection of the
// same name has come since.
func (w *watch) forget(client string) {
	if w.d.guests.has(client) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wanted, client)
}

// idle tells that nobody wants to hear anything, and stops reading the feed.
func (w *watch) idle() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, q := range w.asked {
		if time.Now().After(q.until) {
			delete(w.asked, id)
		}
	}
	if len(w.wanted)+len(w.asked)+w.busy > 0 {
		return false
	}
	w.reader.Close()
	w.reader = nil
	clear(w.online)
	return true
}

// run tells programs what happens until ctx ends.
func (w *watch) run(ctx context.Context) {
	if w.d.cfg.Feed == nil || w.d.cfg.Fleet == nil {
		return
	}
	if w.d.broker.Stats().Subscriptions > 0 {
		w.add(fromBefore, "")
	}
	for {
		select {
		case <-w.woken:
		case <-ctx.Done():
			return
		}
		if !w.follow(ctx) {
			return
		}
	}
}

// lull is how often it is asked whether anybody still listens.
const lull = 10 * time.Second

// follow reads the feed until nobody wants to hear it; false: it is over.
func (w *watch) follow(ctx context.Context) bool {
	w.mu.Lock()
	reader := w.reader
	w.mu.Unlock()
	defer func() { reader.Close() }()
	var events [64]*roost.Event
	checked := time.Now()
	for {
		some, stop := context.WithTimeout(ctx, lull)
		n, err := reader.Next(some, events[:])
		stop()
		switch {
		case err == nil:
			w.tell(ctx, events[:n])
			clear(events[:n])
		case ctx.Err() != nil, errors.Is(err, live.ErrClosed):
			return false
		case errors.Is(err, live.ErrCut):
			w.d.log.Warn("MQTT subscribers of things fell behind; they get the last values again", "err", err)
			reader.Close()
			w.mu.Lock()
			reader = w.d.cfg.Feed.Tail()
			w.reader = reader
			w.mu.Unlock()
			w.again(ctx)
		}
		if time.Since(checked) > lull || err != nil {
			checked = time.Now()
			if w.idle() {
				return true
			}
		}
	}
}
