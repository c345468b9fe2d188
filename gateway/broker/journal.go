package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// delay is how long a change waits for others before it is written.
	delay = 20 * time.Millisecond
	// maxPending bounds the changes that wait for a disk that does not answer. Past
	// it they are forgotten, and all that there is will be written anew.
	maxPending = 1 << 20
	// retryEvery is how often a journal that failed is tried again.
	retryEvery = time.Second
	// minLog is how long the log may be in any case before it is written anew.
	minLog = 4 << 20
)

// journal writes what changed behind the broker's back, in batches. A change that is
// undone before its batch is written is never written.
type journal struct {
	b     *Broker
	store Journal
	hold  sync.RWMutex // held for reading while what belongs together is added; before a session's lock

	mu       sync.Mutex
	pending  []record
	spare    []record
	gen      uint64 // of the batch that is pending
	batch    *batch // whoever waits for it
	writing  *batch // the one before, until it is on disk
	settled  uint64 // the last that is on disk
	sleepers []*session
	lost     bool  // changes were forgotten: all must be written anew
	failed   error // of the last attempt
	stopped  bool

	kick   chan struct{} // something is pending
	urgent chan struct{} // somebody waits for it

	written, failures atomic.Int64

	// Of the goroutine that writes.
	round         uint32 // counts how often all was written anew
	messages      uint64
	logged, alive int64 // bytes in the log; bytes when it was last written anew
	least         int64 // minLog
	first         int64 // number of the first entry of this round
	tried         time.Time
	buffer        []byte
}

// batch is what is written at once.
type batch struct {
	done chan struct{}
	err  error
}

func newJournal(b *Broker) *journal {
	return &journal{
		b: b, store: b.config.Journal, gen: 1, least: minLog,
		kick: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
	}
}

// together keeps what is added until done is called in one batch. It comes before a
// session's lock. j may be nil.
func (j *journal) together() (done func()) {
	if j == nil {
		return func() {}
	}
	j.hold.RLock()
	return j.hold.RUnlock
}

func (j *journal) add(r record) (gen uint64, idx uint32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.append(r)
}

func (j *journal) append(r record) (gen uint64, idx uint32) {
	if len(j.pending) >= maxPending {
		clear(j.pending)
		j.pending, j.lost = j.pending[:0], true
		j.gen++
	}
	j.pending = append(j.pending, r)
	if len(j.pending) == 1 {
		signal(j.kick)
	}
	return j.gen, uint32(len(j.pending) - 1)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// settle waits until what was added before is on disk.
func (j *journal) settle(ctx context.Context) error {
	j.mu.Lock()
	if j.stopped {
		j.mu.Unlock()
		return errStopped
	}
	b := j.writing
	if len(j.pending) > 0 || j.lost {
		if j.batch == nil {
			j.batch = &batch{done: make(chan struct{})}
		}
		b = j.batch
		signal(j.urgent)
	}
	j.mu.Unlock()
	if b == nil {
		return nil
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settledOrWake says whether a batch is on disk; if it is not, the session's client is
// woken once it is. The caller has the session's lock.
func (j *journal) settledOrWake(gen uint64, st *session) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if gen <= j.settled {
		return true
	}
	if n := len(j.sleepers); n == 0 || j.sleepers[n-1] != st {
		j.sleepers = append(j.sleepers, st)
	}
	signal(j.urgent)
	return false
}

// run writes until ctx ends, and then what is left.
func (j *journal) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer j.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.kick:
			timer.Reset(delay)
			select {
			case <-ctx.Done():
				return
			case <-j.urgent:
			case <-timer.C:
			}
		case <-j.urgent:
		case <-timer.C:
		}
		timer.Reset(time.Hour)
		if !j.write(ctx) {
			timer.Reset(retryEvery)
		}
	}
}

// write writes what is pending, or all anew when that is due; false: try again later.
func (j *journal) write(ctx context.Context) bool {
	j.mu.Lock()
	lost := j.lost
	j.mu.Unlock()
	if lost && time.Since(j.tried) < retryEvery {
		j.refuse()
		return false
	}
	if !lost {
		if err := j.flush(ctx); err != nil {
			return false
		}
	}
	if lost || j.logged > j.least+2*j.alive {
		return j.rewrite(ctx) == nil
	}
	return true
}

// refuse tells those who wait that the journal is out of order.
func (j *journal) refuse() {
	j.mu.Lock()
	b, err := j.batch, j.failed
	j.batch = nil
	j.mu.Unlock()
	if err == nil {
		err = errBehind
	}
	if b != nil {
		b.err = err
		close(b.done)
	}
}

// close writes what is left.
func (j *journal) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	j.tried = time.Time{}
	if !j.write(ctx) {
		j.b.log.Error("journal of the broker not written at the end", "err", j.failed)
	}
	j.mu.Lock()
	j.stopped = true
	j.mu.Unlock()
	j.refuse()
}

// flush writes the batch that is pending.
func (j *journal) flush(ctx context.Context) error {
	j.hold.Lock()
	j.mu.Lock()
	records, b, gen := j.pending, j.batch, j.gen
	j.pending, j.spare = j.spare[:0], nil
	j.batch, j.writing = nil, b
	if b == nil {
		b = &batch{done: make(chan struct{})}
		j.writing = b
	}
	j.gen++
	j.mu.Unlock()
	j.hold.Unlock()

	err := j.appendEntry(ctx, records)
	clear(records)
	j.mu.Lock()
	j.spare, j.writing = records[:0], nil
	if cap(records) > maxPending/16 {
		j.spare = nil
	}
	var wake []*session
	if err == nil {
		j.settled = gen
		wake, j.sleepers = j.sleepers, nil
	} else {
		j.lost, j.failed = true, err
	}
	j.mu.Unlock()
	b.err = err
	close(b.done)
	for _, st := range wake {
		st.mu.Lock()
		st.wakeUp()
		st.mu.Unlock()
	}
	return err
}

// appendEntry writes the records as one entry.
func (j *journal) appendEntry(ctx context.Context, records []record) error {
	entry := append(j.buffer[:0], formatVersion)
	for i := range records {
		r := &records[i]
		if r.kind == recordNothing {
			continue
		}
		if m := r.m; m != nil && (m.state.number == 0 || m.state.round != j.round) {
			if m.state.number == 0 {
				j.messages++
				m.state.number = j.messages
			}
			m.state.round = j.round
			entry = appendMessage(entry, m)
		}
		entry = r.append(entry)
	}
	if j.buffer = entry; cap(entry) > 4<<20 {
		j.buffer = nil
	}
	if len(entry) == 1 {
		return nil
	}
	j.tried = time.Now()
	number, err := j.store.AppendBroker(context.WithoutCancel(ctx), entry)
	if err != nil {
		j.failures.Add(1)
		if j.failed == nil {
			j.b.log.Error("journal of the broker not written", "err", err)
		}
		return fmt.Errorf("write the journal of the broker: %w", err)
	}
	if j.first == 0 {
		j.first = number
	}
	j.logged += int64(len(entry))
	j.written.Add(int64(len(entry)))
	return nil
}
