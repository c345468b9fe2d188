package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/roost-iot/roost"
)

// state is what a spool knows besides its entries; the file "state" in its folder.
type state struct {
	Instance string `json:"instance"`
	Acked    uint64 `json:"acked"`   // all entries up to it are at the hub
	Dropped  uint64 `json:"dropped"` // that never came there
}

const stateFile = "state"

// load reads and repairs what is in the folder.
func (s *spool) load() error {
	s.loadState()
	names, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("read spool: %w", err)
	}
	var firsts []uint64
	for _, n := range names {
		if first, ok := segmentFirst(n.Name()); ok {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	for i, first := range firsts {
		behind := uint64(0)
		if i+1 < len(firsts) {
			behind = firsts[i+1]
		}
		if err := s.loadSegment(first, behind); err != nil {
			return err
		}
	}
	s.next = max(s.next, s.state.Acked+1)
	err = s.roll(time.Now())
	s.forget()
	return err
}

func (s *spool) loadState() {
	raw, err := os.ReadFile(filepath.Join(s.cfg.Dir, stateFile))
	if err == nil {
		err = json.Unmarshal(raw, &s.state)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("state of the spool unreadable; entries that the hub has may be sent again", "err", err)
		s.state = state{}
	}
	if s.state.Instance == "" {
		s.state.Instance, s.dirtyHead = roost.NewID(), true
	}
}

// loadSegment takes in one file. What is damaged in it is cut off; behind is the
// first number of the file after it, 0 if there is none.
func (s *spool) loadSegment(first, behind uint64) error {
	path := segmentPath(s.cfg.Dir, first)
	if first < s.next { // its entries are in the file before: it is no file of ours
		s.log.Error("file of the spool overlaps the one before it and is not read", "file", path)
		return nil
	}
	g, damaged, err := scan(path, first, s.cfg.See)
	if err != nil {
		return err
	}
	if damaged {
		lost := uint64(1) // at least
		if from := max(g.end, s.state.Acked+1); behind > from {
			lost = behind - from
		}
		s.state.Dropped += lost
		s.dirtyHead = true
		s.log.Error("file of the spool was damaged; what stands before the damage is kept", "file", path, "kept", g.count(), "lost", lost)
		if g.count() > 0 {
			if err := os.Truncate(path, g.size); err != nil {
				return fmt.Errorf("repair spool: %w", err)
			}
		}
	}
	if g.count() == 0 {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("repair spool: %w", err)
		}
		return nil
	}
	s.segments = append(s.segments, g)
	s.next = g.end
	return nil
}

// roll begins a new file. Only run and openSpool call it.
func (s *spool) roll(now time.Time) error {
	s.mu.Lock()
	first := s.next - uint64(len(s.pending.records))
	s.mu.Unlock()
	path := segmentPath(s.cfg.Dir, first)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make spool file: %w", err)
	}
	if _, err := f.Write(appendSegmentHead(nil, first)); err != nil {
		return errors.Join(fmt.Errorf("make spool file: %w", err), f.Close(), os.Remove(path))
	}
	if s.file != nil {
		err = errors.Join(s.file.Sync(), s.file.Close())
	}
	s.file = f
	syncDir(s.cfg.Dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.segments); n > 0 && s.segments[n-1].count() == 0 {
		s.segments = s.segments[:n-1] // it has the same name
	}
	s.segments = append(s.segments, &segment{path: path, first: first, end: first, size: int64(segmentHead), began: now, last: now})
	return err
}

// run is the only one that writes.
func (s *spool) run() {
	defer close(s.done)
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.kick:
		case now := <-tick.C:
			s.upkeep(now)
		case <-s.stop:
			s.write()
			if s.file != nil {
				s.report(errors.Join(s.file.Sync(), s.file.Close()))
			}
			s.saveState()
			return
		}
		if err := s.write(); err != nil {
			select {
			case <-time.After(retryEvery):
			case <-s.stop:
			}
			poke(s.kick)
		}
		s.sweep()
	}
}

// write takes what waits to disk. When that fails it waits again.
func (s *spool) write() error {
	s.mu.Lock()
	empty := len(s.pending.records) == 0
	g := s.segments[len(s.segments)-1]
	full := g.count() > 0 && g.size+int64(len(s.unwritten)) > s.cfg.Segment
	s.mu.Unlock()
	if empty {
		return nil
	}
	if full {
		if err := s.roll(time.Now()); err != nil {
			return s.report(err)
		}
	}
	return s.report(s.put())
}

// put writes all that waits to the last file.
func (s *spool) put() error {
	s.mu.Lock()
	g := s.segments[len(s.segments)-1]
	b, raw := s.pending, s.unwritten
	s.pending, s.unwritten, s.under = newBatch(), nil, len(b.records)
	at := g.size
	s.mu.Unlock()
	var err error
	if s.cfg.fault != nil {
		err = s.cfg.fault()
	}
	if err == nil {
		_, err = s.file.WriteAt(raw, at)
	}
	if err == nil && s.cfg.Commit {
		err = s.file.Sync()
	}
	s.unsynced = s.unsynced || !s.cfg.Commit
	if err != nil {
		_ = s.file.Truncate(at) // half a record would look like damage
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under = 0
	if err != nil { // in front of what came meanwhile
		b.records = append(b.records, s.pending.records...)
		b.joined = append(b.joined, s.pending.done)
		b.joined = append(b.joined, s.pending.joined...)
		s.pending, s.unwritten = b, append(raw, s.unwritten...)
		return fmt.Errorf("write spool: %w", err)
	}
	for _, r := range b.records {
		g.add(r, recordHead+len(r.body))
	}
	s.trim()
	close(b.done)
	for _, done := range b.joined {
		close(done)
	}
	return nil
}

// trim keeps the tail within its bounds; the caller holds s.mu.
func (s *spool) trim() {
	written := s.next - uint64(len(s.pending.records))
	drop := 0
	for drop < len(s.tail) && s.tail[drop].number < written && (len(s.tail)-drop > keepEntries || s.tailBytes > keepBytes) {
		s.tailBytes -= len(s.tail[drop].body)
		drop++
	}
	if drop > 0 {
		s.tail = slices.Delete(s.tail, 0, drop)
	}
}

// report notes whether writing works, and complains once in a while.
func (s *spool) report(err error) error {
	s.mu.Lock()
	was := s.broken
	s.broken = err
	s.mu.Unlock()
	if err != nil && time.Since(s.complain) > time.Minute {
		s.complain = time.Now()
		s.log.Error("spool cannot be written; trying again", "err", err)
	}
	if err == nil && was != nil {
		s.log.Info("spool can be written again")
	}
	return err
}

// sweep drops the oldest files beyond the bounds, and deletes what is not needed.
func (s *spool) sweep() {
	s.mu.Lock()
	var bytes int64
	for _, g := range s.segments {
		bytes += g.size
	}
	old := time.Now().Add(-s.cfg.MaxAge)
	lost := uint64(0)
	for len(s.segments) > 1 && (bytes > s.cfg.MaxBytes || s.segments[0].last.Before(old)) {
		bytes -= s.segments[0].size
		lost += s.dropFirst()
	}
	doomed := s.doomed
	s.doomed = nil
	s.mu.Unlock()
	if lost > 0 {
		s.log.Error("spool is full; its oldest entries were dropped", "entries", lost)
	}
	for _, path := range doomed {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.log.Warn("file of the spool not deleted", "file", path, "err", err)
		}
	}
}

// upkeep brings to disk what the system still holds, and ends a file that is old, or
// of which nothing is needed any more.
func (s *spool) upkeep(now time.Time) {
	if s.unsynced {
		s.unsynced = false
		if err := s.file.Sync(); err != nil {
			_ = s.report(fmt.Errorf("sync spool: %w", err))
		}
	}
	s.mu.Lock()
	g := s.segments[len(s.segments)-1]
	aged := g.count() > 0 && now.Sub(g.began) > s.cfg.MaxAge/64
	spent := g.end <= s.state.Acked+1 && g.size > s.cfg.Segment/4
	s.mu.Unlock()
	if aged || spent {
		_ = s.report(s.roll(now))
		s.mu.Lock()
		s.forget()
		s.mu.Unlock()
	}
	s.saveState()
}

// saveState writes the file "state" if it has changed.
func (s *spool) saveState() {
	s.mu.Lock()
	st, changed := s.state, s.dirtyHead
	s.dirtyHead = false
	s.mu.Unlock()
	if !changed {
		return
	}
	raw, err := json.Marshal(st)
	path := filepath.Join(s.cfg.Dir, stateFile)
	if err == nil {
		err = os.WriteFile(path+".new", raw, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		s.log.Warn("state of the spool not saved", "err", err)
		s.mu.Lock()
		s.dirtyHead = true
		s.mu.Unlock()
	}
}

// syncDir makes the names in a folder last. Not every system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
