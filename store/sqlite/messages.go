package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/roost-iot/roost"
)

// A message that is there already is left as it is: its batch is written again.
const saveMessage = `INSERT INTO messages (id, project, thing, app, at_us, data) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO NOTHING`

// SaveMessages keeps messages by their ids, 500 in one transaction. Those whose id
// is there already, and those of unknown projects, are left out.
func (s *Store) SaveMessages(ctx context.Context, batch []roost.WorkerMessage) error {
	return writeMany(ctx, s, "save messages", batch, func(t *txn, m roost.WorkerMessage) error {
		err := t.exec(saveMessage, m.ID, m.Project, m.Thing, m.App, us(m.At), m.Data)
		if isForeign(err) {
			return nil // its project was deleted: the others must not wait for it
		}
		return err
	})
}

// LastMessage is the highest id that a message ever had, 0 if there was none.
func (s *Store) LastMessage(ctx context.Context) (int64, error) { return s.lastOf(ctx, "messages") }

// lastOf is the highest id that a row of a table ever had.
func (s *Store) lastOf(ctx context.Context, table string) (int64, error) {
	id, _, err := one(ctx, s, "find the last id", scanID, `SELECT seq FROM sqlite_sequence WHERE name = ?`, table)
	return id, err
}

const (
	whichMessages = `SELECT id, project, thing, app, at_us, data FROM messages
		WHERE project = ?1 AND thing = ?2 AND at_us >= ?3 AND at_us <= ?4
			AND (at_us > ?3 OR id > ?5) AND (at_us < ?4 OR id < ?6) AND (?7 = '' OR app = ?7) `
	newestMessages = whichMessages + `ORDER BY at_us DESC, id DESC LIMIT ?8 + 0`
	oldestMessages = whichMessages + `ORDER BY at_us, id LIMIT ?8 + 0`
)

// Messages gives those of one thing that q asks for, at most q.Limit (under 1: all).
func (s *Store) Messages(ctx context.Context, ref roost.Ref, q roost.MessageQuery) ([]roost.WorkerMessage, error) {
	low, high, err := s.edges(ctx, q)
	if err != nil {
		return nil, err
	}
	text := newestMessages
	if q.Oldest {
		text = oldestMessages
	}
	return list(ctx, s, "read messages", scanMessage, text,
		ref.Project, ref.Thing, low.us, high.us, low.id, high.id, q.App, limit(q.Limit))
}

// edge is a place in the order of messages: nothing at us counts but what is
// beyond id.
type edge struct{ us, id int64 }

// edges are the two ends of what q asks for.
func (s *Store) edges(ctx context.Context, q roost.MessageQuery) (low, high edge, err error) {
	low, high = edge{math.MinInt64, math.MinInt64}, edge{math.MaxInt64, math.MaxInt64}
	if !q.From.IsZero() {
		low.us = usUp(q.From)
	}
	if !q.To.IsZero() {
		high.us = us(q.To)
	}
	if q.After != 0 {
		at, known, err := s.timeOf(ctx, q.After)
		if err != nil {
			return low, high, err
		}
		if known && at >= low.us {
			low = edge{at, q.After}
		}
	}
	if q.Before != 0 {
		at, known, err := s.timeOf(ctx, q.Before)
		if err != nil {
			return low, high, err
		}
		if known && at <= high.us {
			high = edge{at, q.Before}
		}
	}
	return low, high, nil
}

// timeOf gives the time of a message in microseconds. One that is not known was
// either trimmed or is still to be written, so that it bounds nothing.
func (s *Store) timeOf(ctx context.Context, id int64) (at int64, known bool, err error) {
	return one(ctx, s, "find message", scanID, `SELECT at_us FROM messages WHERE id = ?`, id)
}

func scanMessage(row scanner) (m roost.WorkerMessage, err error) {
	var when int64
	err = row.Scan(&m.ID, &m.Project, &m.Thing, &m.App, &when, &m.Data)
	m.At = time.UnixMicro(when).UTC()
	return m, err
}

// CountMessages counts those of a project.
func (s *Store) CountMessages(ctx context.Context, project roost.ProjectID) (int64, error) {
	n, _, err := one(ctx, s, "count messages", scanID, `SELECT count(*) FROM messages WHERE project = ?`, project)
	return n, err
}

// trimPortion is how many rows go in one transaction, so that nobody waits long.
const trimPortion = 2000

const (
	oldestKept  = `SELECT at_us, id FROM messages WHERE project = ? AND thing = ? ORDER BY at_us DESC, id DESC LIMIT 1 OFFSET ? + 0`
	trimMessage = `DELETE FROM messages WHERE id IN (SELECT id FROM messages
		WHERE project = ?1 AND thing = ?2 AND at_us <= ?3 AND (at_us < ?3 OR id < ?4) ORDER BY at_us, id LIMIT ?5 + 0)`
)

func scanEdge(row scanner) (e edge, err error) {
	err = row.Scan(&e.us, &e.id)
	return e, err
}

// TrimMessages deletes all messages of a thing but the newest keep of them.
func (s *Store) TrimMessages(ctx context.Context, ref roost.Ref, keep int) error {
	last, found, err := one(ctx, s, "find messages to trim", scanEdge, oldestKept, ref.Project, ref.Thing, keep-1)
	if err != nil || !found {
		return err
	}
	return s.deleteAll(ctx, "trim messages", trimMessage, ref.Project, ref.Thing, last.us, last.id)
}

// DropMessages deletes all messages of a thing.
func (s *Store) DropMessages(ctx context.Context, ref roost.Ref) error {
	return s.deleteAll(ctx, "drop messages", trimMessage, ref.Project, ref.Thing, int64(math.MaxInt64), int64(math.MaxInt64))
}

// deleteAll repeats a deletion, whose last parameter is how many rows it may take,
// until it finds less.
func (s *Store) deleteAll(ctx context.Context, act, text string, args ...any) error {
	args = append(args, trimPortion)
	for left := true; left; {
		err := s.writeSmall(ctx, act, func(t *txn) error {
			n, err := t.change(text, args...)
			left = n == trimPortion
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// us gives t in microseconds: PythingsOS programs are shown six digits of a second.
func us(t time.Time) int64 { return t.UnixMicro() }

// usUp is us, rounded up: a lower bound must not take what came before it.
func usUp(t time.Time) int64 {
	n := t.UnixMicro()
	if t.Nanosecond()%1000 != 0 {
		n++
	}
	return n
}
