package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// Bounds of trials.
const (
	mostTrials     = 5
	trialLasts     = 15 * time.Minute
	keptEvents     = 500              // of a trial, for who comes late or reads slowly
	trialHeartbeat = 15 * time.Second // between comments, and looks whether the reader still may
	trialPatience  = 10 * time.Second // for a reader to take what it is sent
	trialAlone     = 2 * time.Minute  // that one goes on when its last reader has gone
)

// trials are the apps that are tried now.
type trials struct {
	try func(map[string]string, func(desk.TrialEvent)) (Trial, error)

	mu     sync.Mutex
	by     map[string]*trial
	count  int // with those that are being made
	closed bool
	ending sync.WaitGroup
}

// trial is one, with its last events.
type trial struct {
	board Trial
	by    string // who tries it
	ends  time.Time
	timer *time.Timer // that ends it

	mu      sync.Mutex
	readers int
	changed chan struct{} // closed at the next event
	events  [][]byte      // JSON, the last keptEvents
	first   int           // number of events[0]; they count from 1
	over    bool
}

func newTrials(try func(map[string]string, func(desk.TrialEvent)) (Trial, error)) *trials {
	if try == nil {
		try = tryApp
	}
	return &trials{try: try, by: map[string]*trial{}}
}

// start begins one of by's. Errors: roost.TooMany, roost.Unavailable, roost.Invalid.
func (r *trials) start(files map[string]string, by string) (id string, err error) {
	r.mu.Lock()
	switch {
	case r.closed:
		r.mu.Unlock()
		return "", roost.Errorf(roost.Unavailable, "Roost is stopping.")
	case r.count >= mostTrials:
		err = r.full(by)
		r.mu.Unlock()
		return "", err
	}
	r.count++
	r.ending.Add(1)
	r.mu.Unlock()
	t := &trial{by: by, ends: time.Now().Add(trialLasts), changed: make(chan struct{}), first: 1}
	if t.board, err = r.try(files, t.add); err != nil {
		r.mu.Lock()
		r.count--
		r.ending.Done()
		r.mu.Unlock()
		if errors.Is(err, micropython.ErrUnavailable) {
			err = roost.Errorf(roost.Unavailable, "This server has no MicroPython in it, so no app can be tried here.")
		}
		return "", err
	}
	id = roost.NewID()
	r.mu.Lock()
	r.by[id] = t
	t.timer = time.AfterFunc(trialLasts, func() { _ = r.end(id) }) // it may have ended
	closed := r.closed
	r.mu.Unlock()
	if closed {
		_ = r.end(id)
	}
	return id, nil
}

// full says who has all places, and when the next one is free; the caller holds mu.
func (r *trials) full(by string) error {
	own, free := 0, trialLasts
	for _, t := range r.by {
		if t.by == by {
			own++
		}
		free = min(free, time.Until(t.ends))
	}
	return roost.Errorf(roost.TooMany, "This Roost tries at most %d apps at a time; %d of those that run now are yours. Stop one where it was started, or wait: the next one ends by itself within %d min.",
		mostTrials, own, max(1, int(free.Minutes()+1)))
}

// watched counts a reader of one until done. The page of the last one may be gone for good:
// then the trial ends early, for others to have its place.
func (r *trials) watched(t *trial) (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.readers++; !t.over {
		t.timer.Reset(time.Until(t.ends))
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.readers--; t.readers == 0 && !t.over {
			t.timer.Reset(min(trialAlone, time.Until(t.ends)))
		}
	}
}

func (r *trials) of(id string) (*trial, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.by[id]
	if t == nil {
		return nil, roost.Errorf(roost.NotFound, "No trial %q here; it may have ended.", id)
	}
	return t, nil
}

// end ends one and waits until its board is off.
func (r *trials) end(id string) error {
	r.mu.Lock()
	t := r.by[id]
	delete(r.by, id)
	r.mu.Unlock()
	if t == nil {
		return roost.Errorf(roost.NotFound, "No trial %q here; it may have ended.", id)
	}
	t.timer.Stop()
	t.board.Close()
	t.finish()
	r.mu.Lock()
	r.count--
	r.mu.Unlock()
	r.ending.Done()
	return nil
}

// close ends all and waits for them.
func (r *trials) close() {
	r.mu.Lock()
	r.closed = true
	var ids []string
	for id := range r.by {
		ids = append(ids, id)
	}
	r.mu.Unlock()
	for _, id := range ids {
		_ = r.end(id) // somebody else may have
	}
	r.ending.Wait()
}

// add keeps an event.
func (t *trial) add(e desk.TrialEvent) {
	text, err := json.Marshal(e)
	if err != nil {
		return // of values that came as JSON
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, text)
	if len(t.events) > keptEvents {
		t.events, t.first = t.events[1:], t.first+1
	}
	t.wake()
}

func (t *trial) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.wake()
}

// wake is called with mu held.
func (t *trial) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// after gives the events from number n on, the number of the first of them, and what says
// that there are more.
func (t *trial) after(n int) (events [][]byte, first int, over bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first = max(n, t.first)
	if at := first - t.first; at < len(t.events) {
		events = append(events, t.events[at:]...)
	}
	return events, first, t.over, t.changed
}

// trialEvents is the stream of one trial.
func (s *Server) trialEvents(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if err := c.may(s.project, account.Operate); err != nil {
		s.refuse(r.Context(), w, "watch-trial", err)
		return
	}
	t, err := s.trials.of(r.PathValue("id"))
	if err != nil {
		s.refuse(r.Context(), w, "watch-trial", err)
		return
	}
	last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID")) // none is 0
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // of a proxy in front
	defer s.trials.watched(t)()
	beat := time.NewTicker(trialHeartbeat)
	defer beat.Stop()
	flusher := http.NewResponseController(w)
	for next := max(last, 0) + 1; ; {
		events, first, over, changed := t.after(next)
		_ = flusher.SetWriteDeadline(time.Now().Add(trialPatience)) // tests may have none
		for i, e := range events {
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", first+i, e); err != nil {
				return
			}
		}
		next = first + len(events)
		if flusher.Flush() != nil || over {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			_ = flusher.SetWriteDeadline(time.Now().Add(trialPatience))
			if _, err := fmt.Fprint(w, ":\n\n"); err != nil || s.again(r.Context(), c) != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
