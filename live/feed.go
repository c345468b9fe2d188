// Package live carries events to whoever watches: pages, Pyaiot clients,
// the dispatcher of commands. Events are numbered, and those of one thing keep
// their order. A slow reader is cut, the writer never waits.
package live

import (
	"time"

	"github.com/roost-iot/roost"
)

// feedSize is how many events a reader may be behind: 65,536 pointers, 512 kB.
const feedSize = 1 << 16

// Feed is the one stream of events of a server.
type Feed struct{ ring *Ring[*roost.Event] }

// NewFeed makes an empty feed. Numbers begin at the clock's milliseconds times
// 1,000, so that a page that resumes after a restart asks for a number that was
// never given out and is told to fetch again. They stay exact in JavaScript until 2255.
func NewFeed(now time.Time) *Feed {
	return &Feed{ring: NewRing[*roost.Event](feedSize, uint64(now.UnixMilli())*1000)}
}

// Publish numbers e and gives it to all readers. e must not be changed afterwards.
func (f *Feed) Publish(e *roost.Event) uint64 {
	return f.ring.Append(func(seq uint64) *roost.Event {
		e.Seq = seq
		return e
	})
}

// Tail reads from now on; After goes on behind event seq (see Ring).
func (f *Feed) Tail() *Reader[*roost.Event] { return f.ring.Tail() }

// After goes on behind event seq; ok is false when that is no longer possible.
func (f *Feed) After(seq uint64) (*Reader[*roost.Event], bool) { return f.ring.After(seq) }

// Last is the number of the newest event.
func (f *Feed) Last() uint64 { return f.ring.Last() }

// Watchers is how many readers are open.
func (f *Feed) Watchers() int { return f.ring.Watchers() }

// Close ends all readers.
func (f *Feed) Close() { f.ring.Close() }
