package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// sweepEvery is how often what has had its time is deleted.
const sweepEvery = time.Hour

// Run folds the write-ahead log back into the database on a timer and deletes what
// has had its time, at once and every hour, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	tick, hour := time.NewTicker(s.config.CheckpointEvery), time.NewTicker(sweepEvery)
	defer tick.Stop()
	defer hour.Stop()
	s.sweep(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hour.C:
			s.sweep(ctx)
		case <-tick.C:
			if err := s.Checkpoint(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("checkpoint failed", "err", err)
			}
		}
	}
}

// auditYears is how long the audit log is kept.
const auditYears = 2

// sweep deletes sessions that have ended and old entries of the audit log.
func (s *Store) sweep(ctx context.Context) {
	now := time.Now()
	if err := s.ExpireSessions(ctx, now); err != nil && ctx.Err() == nil {
		s.log.Warn("ended sessions not deleted", "err", err)
	}
	if err := s.ExpireAudit(ctx, now.AddDate(-auditYears, 0, 0)); err != nil && ctx.Err() == nil {
		s.log.Warn("old audit entries not deleted", "err", err)
	}
}

// Checkpoint folds back what it can without holding anybody up. When the log is
// past its size all the same (somebody always reads or writes), writers wait for
// one full fold.
func (s *Store) Checkpoint(ctx context.Context) error {
	if s.logBytes() <= 0 {
		return nil
	}
	mode := "PASSIVE"
	if s.logBytes() > keepLogBytes {
		mode = "TRUNCATE"
	}
	var busy, pages, folded int
	err := s.upkeep.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &folded)
	return s.wrap("fold the write-ahead log back", err)
}

func (s *Store) logBytes() int64 {
	info, err := os.Stat(filepath.Join(s.dir, fileName+"-wal"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// Stats are the sizes of the store on disk.
type Stats struct {
	Bytes    int64 // all files of the database
	LogBytes int64 // of these the write-ahead log
}

// Stats measures the files.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(filepath.Join(s.dir, fileName+suffix))
		if os.IsNotExist(err) && suffix != "" {
			continue
		}
		if err != nil {
			return Stats{}, fmt.Errorf("measure the database: %w", err)
		}
		st.Bytes += info.Size()
		if suffix == "-wal" {
			st.LogBytes = info.Size()
		}
	}
	return st, ctx.Err()
}
