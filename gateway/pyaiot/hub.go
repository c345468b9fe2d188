package pyaiot

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
)

// hub reads the live feed once for all clients.
type hub struct {
	feed  *live.Feed
	fleet Fleet
	log   *slog.Logger

	mu      sync.Mutex // held while a batch of events is worked on
	done    uint64     // number of the last event worked on
	streams map[roost.ProjectID]*stream
	clients map[string]*client // announced ones, by id
	late    []letter           // direct messages that wait for events before them
}

// letter is a message for one client that must not overtake event after.
type letter struct {
	to    *client
	text  []byte
	after uint64
}

// maxLate bounds the letters that wait; more are dropped: their gateway sends
// faster than the hub works.
const maxLate = 4096

// eventBatch is how many events are worked on under one lock.
const eventBatch = 256

func newHub(feed *live.Feed, fleet Fleet, log *slog.Logger) *hub {
	return &hub{feed: feed, fleet: fleet, log: log, streams: map[roost.ProjectID]*stream{}, clients: map[string]*client{}}
}

// run works on events until ctx ends or the feed closes.
func (h *hub) run(ctx context.Context, reader *live.Reader[*roost.Event]) {
	defer func() { reader.Close() }()
	batch := make([]*roost.Event, eventBatch)
	for {
		n, err := reader.Next(ctx, batch)
		switch {
		case errors.Is(err, live.ErrCut):
			reader.Close()
			reader = h.feed.Tail()
			h.catchUp(reader.At() - 1)
			h.log.Warn("Pyaiot clients missed events; they were sent the present state")
		case err != nil:
			return
		default:
			h.work(batch[:n])
			clear(batch[:n])
		}
	}
}

// work turns events into frames.
func (h *hub) work(events []*roost.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		if s := h.streams[e.Project]; s != nil {
			s.take(e)
		}
	}
	h.settle(events[len(events)-1].Seq)
}

// catchUp makes up for events that were lost: the hub goes on behind event seq.
func (h *hub) catchUp(seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.streams {
		s.restate()
	}
	h.settle(seq)
}

// settle hands out what was made of the events up to seq, and drops streams that
// nobody watches. The caller holds h.mu.
func (h *hub) settle(seq uint64) {
	h.done = seq
	for project, s := range h.streams {
		if s.flush(); s.ring.Watchers() == 0 {
			delete(h.streams, project)
		}
	}
	waiting := h.late[:0]
	for _, l := range h.late {
		if l.after <= h.done {
			h.deliver(l)
		} else {
			waiting = append(waiting, l)
		}
	}
	clear(h.late[len(waiting):])
	h.late = waiting
}

// watch gives a client its place in its project's stream: behind event done.
func (h *hub) watch(c *client) (reader *live.Reader[*chunk], done uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.streams[c.Project]
	if s == nil {
		s = newStream(c.Project, h.fleet)
		h.streams[c.Project] = s
	}
	h.clients[c.id] = c
	return s.ring.Tail(), h.done
}

func (h *hub) forget(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c.id)
}

// direct sends a text to the announced client of that id, behind all events
// that stand in the feed now. An unknown id is nobody.
func (h *hub) direct(project roost.ProjectID, id string, text []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.clients[id]
	if c == nil || c.Project != project {
		return
	}
	l := letter{to: c, text: text, after: h.feed.Last()}
	if l.after <= h.done {
		h.deliver(l)
	} else if len(h.late) < maxLate {
		h.late = append(h.late, l)
	}
}

func (h *hub) deliver(l letter) {
	if s := h.streams[l.to.Project]; s != nil {
		s.letter(l.to, l.text)
	}
}

// replay asks the client's own writer to send a snapshot at its place in the stream.
func (h *hub) replay(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.streams[c.Project]; s != nil {
		s.flush()
		s.append(&chunk{to: c, replay: true, done: h.done})
	}
}
