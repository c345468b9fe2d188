package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	codes "modernc.org/sqlite/lib"
)

// Bounds of the group commit: callers wait when the queue is full.
const (
	queueSize = 1024
	batchSize = 256
)

// group is the one goroutine that commits. What callers ask for while it is
// busy with one transaction goes into the next.
type group struct {
	store   *Store
	queue   chan *request
	mu      sync.RWMutex // held for reading while asking, for writing to stop
	stopped bool
	done    chan struct{}

	taken, commits atomic.Int64 // requests and transactions begun, ever
}

// request is one caller's write. run may be called twice, when the transaction
// that it shared was lost.
type request struct {
	run   func(*txn) error
	small bool        // one statement, which SQLite undoes by itself when it fails
	taken atomic.Bool // by the goroutine, or by a caller that gave up
	err   error
	done  chan struct{}
}

func startGroup(s *Store) *group {
	g := &group{store: s, queue: make(chan *request, queueSize), done: make(chan struct{})}
	go g.loop()
	return g
}

// write runs one caller's statements and returns once they are committed, or
// undone. ctx counts until they begin. act says what is tried, for the log.
func (s *Store) write(ctx context.Context, act string, run func(*txn) error) error {
	return s.await(ctx, act, &request{run: run, done: make(chan struct{})})
}

// writeSmall is write for a run of a single statement.
func (s *Store) writeSmall(ctx context.Context, act string, run func(*txn) error) error {
	return s.await(ctx, act, &request{run: run, small: true, done: make(chan struct{})})
}

// portion is how many rows of a batch go into one transaction: 5 ms, so that a
// command which comes meanwhile need not wait for thousands of values.
const portion = 500

// writeMany writes a batch in transactions of a portion each. After an error
// those before it are kept: writing the batch again does no harm.
func writeMany[T any](ctx context.Context, s *Store, act string, batch []T, save func(*txn, T) error) error {
	for rows := range slices.Chunk(batch, portion) {
		err := s.write(ctx, act, func(t *txn) error {
			for _, row := range rows {
				if err := save(t, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) await(ctx context.Context, act string, r *request) error {
	if err := s.group.ask(ctx, r); err != nil {
		return s.wrap(act, err)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return s.wrap(act, ctx.Err())
		}
		<-r.done
	}
	return s.wrap(act, r.err)
}

func (g *group) ask(ctx context.Context, r *request) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.stopped {
		return errClosed
	}
	select {
	case g.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop takes no more, commits what was asked for and waits for the goroutine.
func (g *group) stop() {
	g.mu.Lock()
	if !g.stopped {
		g.stopped = true
		close(g.queue)
	}
	g.mu.Unlock()
	<-g.done
}

func (g *group) loop() {
	defer close(g.done)
	batch := make([]*request, 0, batchSize)
	for first := range g.queue {
		batch = g.fill(append(batch[:0], first))
		g.taken.Add(int64(len(batch)))
		g.commit(batch)
		g.store.stmts.prepareWanted()
		for _, r := range batch {
			close(r.done)
		}
		clear(batch)
	}
}

// fill adds what waits in the queue and drops what its caller gave up.
func (g *group) fill(batch []*request) []*request {
	for len(batch) < batchSize {
		select {
		case r, ok := <-g.queue:
			if !ok {
				return taken(batch)
			}
			batch = append(batch, r)
		default:
			return taken(batch)
		}
	}
	return taken(batch)
}

func taken(batch []*request) []*request {
	kept := batch[:0]
	for _, r := range batch {
		if r.taken.CompareAndSwap(false, true) {
			kept = append(kept, r)
		}
	}
	return kept
}

// commit puts batch into one transaction. When that is lost as a whole, each
// gets one of its own and its own error.
func (g *group) commit(batch []*request) {
	if len(batch) == 0 {
		return
	}
	err := g.together(batch)
	if err == nil {
		return
	}
	for i, r := range batch {
		r.err = err
		if len(batch) > 1 && primary(err) != codes.SQLITE_BUSY { // busy has waited long enough
			r.err = g.together(batch[i : i+1])
		}
	}
}

// together gives an error when nothing of batch was kept. A request that
// failed alone has its err set and is undone.
func (g *group) together(batch []*request) (err error) {
	if refuse := g.store.config.Refuse; refuse != nil {
		if err := refuse(); err != nil {
			return err
		}
	}
	g.commits.Add(1)
	ctx := context.Background() // a cancelled statement would undo its neighbours
	tx, err := g.store.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback() // SQLite has often done so already
		}
	}()
	t := &txn{tx: tx, stmts: &g.store.stmts}
	if len(batch) == 1 {
		if err := batch[0].run(t); err != nil {
			return err
		}
		return tx.Commit()
	}
	for _, r := range batch {
		if err := t.alone(r); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// alone runs r so that its failure undoes r only; an error of alone means that
// the transaction is lost.
func (t *txn) alone(r *request) error {
	if r.small {
		if r.err = r.run(t); r.err != nil && primary(r.err) != codes.SQLITE_CONSTRAINT && primary(r.err) != 0 {
			return r.err
		}
		return nil
	}
	if err := t.exec(`SAVEPOINT one`); err != nil {
		return err
	}
	if r.err = r.run(t); r.err != nil {
		if err := t.exec(`ROLLBACK TO one`); err != nil {
			return errors.Join(r.err, err)
		}
	}
	return t.exec(`RELEASE one`)
}
