package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// spoolConfig bounds a spool.
type spoolConfig struct {
	Dir      string
	MaxBytes int64         // on disk; 0: 256 MB
	MaxAge   time.Duration // of an entry; 0: 7 days
	Commit   bool          // an entry counts as taken when it is on disk
	Segment  int64         // bytes of a file; 0: a 64th of MaxBytes
	See      func(record)  // is shown every entry that is there at the start
	fault    func() error  // asked before each write; a test's disk fails by it
}

func (c *spoolConfig) fill() {
	if c.MaxBytes <= 0 {
		c.MaxBytes = 256 << 20
	}
	if c.MaxAge <= 0 {
		c.MaxAge = 7 * 24 * time.Hour
	}
	if c.Segment <= 0 {
		c.Segment = max(c.MaxBytes/64, 64<<10)
	}
}

const (
	// maxUnwritten bounds what waits for the disk, in bytes.
	maxUnwritten = 8 << 20
	// keepEntries and keepBytes are how much of the newest stays in memory for the line.
	keepEntries = 8192
	keepBytes   = 2 << 20
	// syncEvery is how long an entry may be in the system's memory only, without Commit.
	syncEvery = time.Second
	// retryEvery is how long a full or broken disk is left alone.
	retryEvery = time.Second
)

// spool keeps numbered entries on disk until they are acknowledged. The newest are in
// memory, too. Append never waits for the disk; its batch tells when it was written.
type spool struct {
	cfg  spoolConfig
	log  *slog.Logger
	lock *os.File

	mu        sync.Mutex
	state     state
	dirtyHead bool       // state has changed since it was saved
	segments  []*segment // oldest first, whole files; the one being written is the last
	doomed    []string   // files to delete
	next      uint64     // number of the next entry
	tail      []record   // the newest
	tailBytes int
	unwritten []byte    // records that wait for the disk
	pending   *batch    // of those
	under     int       // records that are being written
	broken    error     // why the last write failed
	skipped   uint64    // entries before it that could not be read back are counted
	waiting   time.Time // when it was last said that some cannot be read at present

	file     *os.File // of the last segment; belongs to run, as do the next two
	unsynced bool
	complain time.Time

	kick chan struct{}
	news chan struct{} // something was appended
	stop chan struct{}
	done chan struct{}
}

// batch is what one write takes to disk.
type batch struct {
	records []record
	done    chan struct{}
	joined  []chan struct{}
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// spoolStats is what a spool holds that is not acknowledged.
type spoolStats struct {
	Entries uint64
	Bytes   int64 // of all files
	Oldest  time.Time
	Dropped uint64
	Broken  error
}

// openSpool opens a folder, repairs what is in it and begins a new file.
func openSpool(cfg spoolConfig, log *slog.Logger) (*spool, error) {
	cfg.fill()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &spool{
		cfg: cfg, log: log, lock: lock, next: 1, pending: newBatch(), kick: make(chan struct{}, 1),
		news: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	go s.run()
	return s, nil
}

// Close writes what waits, and ends the spool.
func (s *spool) Close() error {
	close(s.stop)
	<-s.done
	return errors.Join(s.broken, s.lock.Close())
}

// Append numbers an entry and queues it for the disk. Errors: roost.Unavailable
// when the disk has not taken anything for too long.
func (s *spool) Append(at time.Time, body []byte) (uint64, *batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unwritten) > maxUnwritten {
		return 0, nil, roost.Because(roost.Unavailable, s.broken, "The spool of this gateway cannot be written at present.")
	}
	r := record{number: s.next, at: at, body: body}
	s.next++
	s.unwritten = appendRecord(s.unwritten, r)
	s.pending.records = append(s.pending.records, r)
	s.tail = append(s.tail, r)
	s.tailBytes += len(body)
	poke(s.kick)
	poke(s.news)
	return r.number, s.pending, nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// settle waits until b is on disk, or in the system's hands without Commit.
func (b *batch) settle(ctx context.Context) error {
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Acknowledge forgets all entries up to number.
func (s *spool) Acknowledge(number uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number = min(number, s.next-1); number <= s.state.Acked {
		return
	}
	s.state.Acked, s.dirtyHead = number, true
	s.forget()
	poke(s.kick)
}

// forget lets whole files go whose entries are all acknowledged; the caller holds s.mu.
func (s *spool) forget() {
	for len(s.segments) > 1 && s.segments[0].end <= s.state.Acked+1 {
		s.dropFirst()
	}
}

// dropFirst takes the oldest file off and counts what was never acknowledged.
func (s *spool) dropFirst() (lost uint64) {
	g := s.segments[0]
	s.segments = s.segments[1:]
	s.doomed = append(s.doomed, g.path)
	if from := max(g.first, s.state.Acked+1); from < g.end {
		lost = g.end - from
		s.state.Dropped += lost
		s.dirtyHead = true
	}
	return lost
}

// Read gives entries from number on, or from the next one that there is: up to most,
// of about size bytes. None: there are no more, or they cannot be read at present.
func (s *spool) Read(number uint64, most, size int) []record {
	for {
		s.mu.Lock()
		number = max(number, s.state.Acked+1, s.segments[0].first)
		if len(s.tail) > 0 && number >= s.tail[0].number {
			list := s.fromTail(number, most, size)
			s.mu.Unlock()
			return list
		}
		g := s.holding(number)
		if g == nil {
			list := s.fromTail(number, most, size)
			s.mu.Unlock()
			return list
		}
		number = max(number, g.first)
		path, from, good, behind := g.path, g.near(number), g.size, g.end
		s.mu.Unlock()
		list, err := readSegment(path, from, number, behind, good, most, size)
		switch {
		case err == nil || len(list) > 0 || errors.Is(err, os.ErrNotExist):
		case errors.Is(err, errDamaged):
			s.log.Error("entries of the spool cannot be read and are lost", "from", number, "to", behind-1, "err", err)
			s.skip(number, behind)
		default: // too many open files, a disk that does not answer: they are there later
			s.unreadable(number, err)
			return nil
		}
		if len(list) > 0 {
			return list
		}
		number = behind
	}
}

// holding gives the file with an entry, or the first behind it; nil: it is in the
// tail or does not exist. The caller holds s.mu.
func (s *spool) holding(number uint64) *segment {
	for _, g := range s.segments {
		if number < g.end && g.count() > 0 {
			return g
		}
	}
	return nil
}

func (s *spool) fromTail(number uint64, most, size int) (list []record) {
	from := 0
	if len(s.tail) > 0 && number > s.tail[0].number {
		from = int(min(number-s.tail[0].number, uint64(len(s.tail))))
	}
	for _, r := range s.tail[from:] {
		if len(list) >= most || size <= 0 {
			break
		}
		size -= len(r.body)
		list = append(list, r)
	}
	return list
}

// skip counts entries whose file does not give them back, once.
func (s *spool) skip(number, end uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from := max(number, s.skipped); from < end {
		s.state.Dropped += end - from
		s.skipped, s.dirtyHead = end, true
	}
}

// unreadable says once in a while that entries have to wait.
func (s *spool) unreadable(number uint64, err error) {
	s.mu.Lock()
	quiet := time.Since(s.waiting) < time.Minute
	if !quiet {
		s.waiting = time.Now()
	}
	s.mu.Unlock()
	if !quiet {
		s.log.Error("entries of the spool cannot be read at present", "from", number, "err", err)
	}
}

// Stats tells what is not acknowledged.
func (s *spool) Stats() spoolStats {
	s.mu.Lock()
	st := spoolStats{Dropped: s.state.Dropped, Broken: s.broken, Bytes: int64(len(s.unwritten))}
	first := s.state.Acked + 1
	for _, g := range s.segments {
		st.Bytes += g.size
		if g.end > first {
			st.Entries += g.end - max(g.first, first)
		}
	}
	st.Entries += min(uint64(len(s.pending.records)+s.under), s.next-first)
	empty := st.Entries == 0
	s.mu.Unlock()
	if empty {
		return st
	}
	if list := s.Read(first, 1, 1); len(list) > 0 {
		st.Oldest = list[0].at
	}
	return st
}

// Next is the number that the next entry will have; Acked the last that is acknowledged.
func (s *spool) Next() (next, acked uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next, s.state.Acked
}

// Instance is the random name of this spool.
func (s *spool) Instance() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Instance
}
