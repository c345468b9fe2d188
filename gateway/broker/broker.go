package broker

import (
	"cmp"
	"context"
	"hash/maphash"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Broker is MQTT's heart.
type Broker struct {
	config  Config
	hooks   Hooks
	log     *slog.Logger
	seed    maphash.Seed
	tree    tree
	kept    retained
	shards  [64]shard
	turns   [256]sync.Mutex // by client id: its connections come and go one at a time
	journal *journal        // nil: none
	due     deadlines
	away    awayList
	started time.Time
	numbers atomic.Uint64 // of sessions, in the journal
	pool    sync.Pool     // *effects

	count struct {
		sessions, connected                                                                 atomic.Int64
		received, sent, dropped, expired, cut, takenOver, refused, evicted, journalRejected atomic.Int64
	}
}

// shard is a part of the sessions.
type shard struct {
	mu       sync.Mutex
	sessions map[string]*session
}

// New makes a broker. One with a journal needs Load before the first Connect.
func New(c Config) *Broker {
	c.Limits.fill()
	b := &Broker{config: c, hooks: c.Hooks, log: cmp.Or(c.Log, slog.Default()), seed: maphash.MakeSeed(), started: time.Now()}
	if b.hooks == nil {
		b.hooks = open{}
	}
	b.tree.root.rare = nothing
	b.tree.routes.seed = maphash.MakeSeed()
	b.kept.limits(c.MaxRetained, c.MaxRetainedBytes)
	b.due.changed = make(chan struct{}, 1)
	b.pool.New = func() any { return new(effects) }
	for i := range b.shards {
		b.shards[i].sessions = map[string]*session{}
	}
	if c.Journal != nil {
		b.journal = newJournal(b)
	}
	return b
}

func (l *Limits) fill() {
	l.MaxSessions = cmp.Or(l.MaxSessions, 1_000_000)
	l.MaxSubscriptions = cmp.Or(l.MaxSubscriptions, 10_000)
	l.MaxQueued = cmp.Or(l.MaxQueued, 10_000)
	l.MaxQueuedBytes = cmp.Or(l.MaxQueuedBytes, 16<<20)
	l.MaxRetained = cmp.Or(l.MaxRetained, 100_000)
	l.MaxRetainedBytes = cmp.Or(l.MaxRetainedBytes, 64<<20)
	l.MaxInflight = min(cmp.Or(l.MaxInflight, 1024), math.MaxUint16)
	l.ReceiveMaximum = cmp.Or(l.ReceiveMaximum, 1024)
	l.MaxSessionExpiry = cmp.Or(l.MaxSessionExpiry, mqtt.NoExpiry)
}

func (b *Broker) hash(id string) uint64 { return maphash.String(b.seed, id) }

// Run keeps the time of sessions, wills and messages and writes the journal, until
// ctx ends and what was there is written.
func (b *Broker) Run(ctx context.Context) error {
	var all sync.WaitGroup
	if b.journal != nil {
		all.Go(func() { b.journal.run(ctx) })
	}
	all.Go(func() { b.runCounters(ctx) })
	b.runDeadlines(ctx)
	all.Wait()
	return nil
}

// Cut cuts the connection of a client, if there is one.
func (b *Broker) Cut(clientID string, code mqtt.ReasonCode) bool {
	st := b.session(clientID)
	if st == nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn == nil {
		return false
	}
	st.conn.peer.Cut(code)
	return true
}

// Filters are those of a client's subscriptions, also of one that is away.
func (b *Broker) Filters(clientID string) []string {
	if st := b.session(clientID); st != nil {
		return st.filters()
	}
	return nil
}

// session gives the session of a client, nil if there is none.
func (b *Broker) session(clientID string) *session {
	sh := b.shard(clientID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.sessions[clientID]
}

func (b *Broker) shard(clientID string) *shard {
	return &b.shards[b.hash(clientID)%uint64(len(b.shards))]
}

// turn makes the connections of one client come and go one at a time, with the hooks
// that hear of it.
func (b *Broker) turn(clientID string) *sync.Mutex {
	return &b.turns[b.hash(clientID)>>32%uint64(len(b.turns))]
}

// Stats counts. It looks at every session: ask now and then, not per message.
func (b *Broker) Stats() Stats {
	s := Stats{
		Connected: int(b.count.connected.Load()), Sessions: int(b.count.sessions.Load()),
		Subscriptions: int(b.tree.count.Load()),
		Received:      b.count.received.Load(), Sent: b.count.sent.Load(), Dropped: b.count.dropped.Load(),
		Expired: b.count.expired.Load(), Cut: b.count.cut.Load(), TakenOver: b.count.takenOver.Load(),
		Refused: b.count.refused.Load(), Started: b.started,
	}
	s.Retained, s.RetainedBytes = b.kept.size()
	if b.journal != nil {
		s.JournalBytes, s.JournalErrors = b.journal.written.Load(), b.journal.failures.Load()
	}
	b.eachSession(func(st *session) {
		st.mu.Lock()
		s.Queued += st.queued() + st.live
		st.mu.Unlock()
	})
	return s
}

// eachSession calls visit for all sessions that are there when their shard's turn
// comes, without a lock.
func (b *Broker) eachSession(visit func(*session)) {
	var all []*session
	for i := range b.shards {
		sh := &b.shards[i]
		sh.mu.Lock()
		all = all[:0]
		for _, st := range sh.sessions {
			all = append(all, st)
		}
		sh.mu.Unlock()
		for _, st := range all {
			visit(st)
		}
	}
}

// open is who lets everybody do everything.
type open struct{}

func (open) Take(context.Context, *Client, []*Publication) {}
func (open) MaySubscribe(*Client, string) mqtt.ReasonCode  { return mqtt.Success }
func (open) Retained(*Client, string, func(*Message) bool) {}
func (open) Subscribed(*Client, string)                    {}
func (open) Unsubscribed(*Client, string)                  {}
func (open) Connected(*Client, bool)                       {}
func (open) Gone(_ *Client, _ Gone, _ bool)                {}
