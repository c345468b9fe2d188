package broker

import (
	"sync"
	"sync/atomic"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Session is one connection's hold on its client's session. One goroutine reads
// (Publish, Release, Settle, Acked, Received, Completed, Subscribe, Unsubscribe, and
// last End), one writes (Take). Once another connection has taken the session over, or
// after End, they do nothing.
type Session struct {
	st        *session
	client    *Client
	peer      Peer
	will      *will
	expiry    uint32
	maxPacket int // bytes; 0: no limit

	// Of the goroutine that reads.
	last  *route
	dirty bool // the journal has something of it that is not yet settled
}

// Client is who it is.
func (s *Session) Client() *Client { return s.client }

// Expiry is how long the session remains, s, as the broker allows it: for CONNACK
// when it is not what was asked for.
func (s *Session) Expiry() uint32 { return s.expiry }

// session is what a client has whether connected or not.
//
// Locks are taken in this order: a client's turn, session.pub, shard.mu, session.mu,
// then those of tree, retained messages, deadlines, away list and journal, of which
// none is taken with another.
type session struct {
	b      *Broker
	id     string
	pub    sync.Mutex  // held while something of it is published: across a takeover, too
	up     atomic.Bool // connected and awake
	number uint64      // in the journal; 0: not kept there. Written under mu

	mu     sync.Mutex
	conn   *Session // nil: away
	ended  bool
	asleep bool
	cut    bool   // the connection was told to end
	woken  bool   // Wake was called, and Take has not said yet that there is no more
	slow   bool   // nobody waits for it to read
	expiry uint32 // s
	epoch  uint32 // counts connections and their ends: deadlines of another one are void
	left   int64  // when the last connection ended, Unix ns
	will   *will  // waits for its delay
	subs   subscriptions

	seq     uint64
	zero    deque  // QoS 0 to send
	wait    deque  // QoS 1 and 2 to send
	held    *deque // came while retained messages of a new subscription are looked up
	holding int
	bytes   int // of these three
	taken   uint64

	flight      deque // QoS 1 and 2 sent, in their order
	live        int   // of these not done
	cursor      int   // how many of these have been sent on this connection, or were done
	outstanding int   // of the latter not done
	window      int   // how many may be
	lastID      uint16
	freeIDs     uint16 // how many ids behind lastID are known to be unused
	rels        []rel

	inbound map[uint16]struct{} // QoS 2 ids received and not released
	room    chan struct{}       // closed when it has been read enough; nil: nobody waits

	prev, next *session // in the list of those away; of its lock
	due        due      // of the lock of the deadlines
}

// rel is a PUBREL to send.
type rel struct {
	id   uint16
	code mqtt.ReasonCode
	gen  uint64 // of the journal that must be there before
}

// subscriptions are those of one session, by filter.
type subscriptions struct {
	row   []*subscription
	index map[string]int // once there are many
}

const fewSubscriptions = 16

func (s *subscriptions) find(filter string) int {
	if s.index != nil {
		if i, ok := s.index[filter]; ok {
			return i
		}
		return -1
	}
	for i, sub := range s.row {
		if sub.filter == filter {
			return i
		}
	}
	return -1
}

func (s *subscriptions) add(sub *subscription) {
	s.row = append(s.row, sub)
	switch {
	case s.index != nil:
		s.index[sub.filter] = len(s.row) - 1
	case len(s.row) > fewSubscriptions:
		s.index = make(map[string]int, 2*len(s.row))
		for i, sub := range s.row {
			s.index[sub.filter] = i
		}
	}
}

func (s *subscriptions) remove(i int) {
	last := len(s.row) - 1
	if s.index != nil {
		delete(s.index, s.row[i].filter)
		if i != last {
			s.index[s.row[last].filter] = i
		}
	}
	s.row[i], s.row[last] = s.row[last], nil
	s.row = s.row[:last]
}
