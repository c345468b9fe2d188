package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/coder/websocket"
)

const (
	// batchEntries and batchBytes are what one message holds of the spool.
	batchEntries = 512
	batchBytes   = 256 << 10
	// rollPart is how many things one message of the roll holds.
	rollPart = 512
	// level is how many entries a line may lack and need no copies.
	level = 128
	// hurried is how often the hub is told how it stands while the line is behind.
	hurried = 5 * time.Second
)

// write sends who is here, and then the spool from its first unacknowledged entry on,
// as the window allows; what is new goes before what is old.
func (s *session) write(ctx context.Context) error {
	c := s.c
	next, acked := c.spool.Next()
	cursor := acked + 1
	defer c.quit(s)
	if err := s.callRoll(ctx, cursor < next); err != nil {
		return err
	}
	beats := time.NewTicker(c.cfg.beat)
	defer beats.Stop()
	soon := time.NewTicker(min(hurried, c.cfg.beat))
	defer soon.Stop()
	behind := cursor < next
	for {
		if err := s.sendCopies(ctx); err != nil {
			return err
		}
		var err error
		var sent int
		if cursor, sent, err = s.sendSome(ctx, cursor); err != nil {
			return err
		}
		if behind && s.caughtUp(cursor) {
			behind = false
			if err := s.send(ctx, c.beat().append(nil)); err != nil {
				return err
			}
		}
		if sent > 0 {
			continue
		}
		select {
		case <-c.spool.news:
		case <-s.ackNews:
		case <-beats.C:
			err = s.send(ctx, c.beat().append(nil))
		case <-soon.C:
			if behind {
				err = s.send(ctx, c.beat().append(nil))
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// callRoll tells the hub which things are here. From then on, if the line is behind,
// what is new is copied.
func (s *session) callRoll(ctx context.Context, behind bool) error {
	c := s.c
	c.mu.Lock()
	var bodies [][]byte
	now := time.Now()
	for _, t := range c.things {
		if t.here {
			e := Entry{Kind: Arrived, Key: t.key, At: t.heard, Protocol: t.protocol, Address: t.address}
			bodies = append(bodies, e.Append(nil))
			t.told, t.sleepy = now, false
		}
	}
	c.online, c.copying, c.copies = s, behind, nil
	c.mu.Unlock()
	for len(bodies) > 0 {
		n := min(rollPart, len(bodies))
		more := uint64(0)
		if n < len(bodies) {
			more = 1
		}
		if err := s.send(ctx, appendEntries(nil, frameRoll, more, bodies[:n])); err != nil {
			return err
		}
		if bodies = bodies[n:]; more == 0 {
			return nil
		}
	}
	return s.send(ctx, appendEntries(nil, frameRoll, 0, nil))
}

// quit is the end of the line.
func (c *Client) quit(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.online == s {
		c.online, c.copying, c.copies = nil, false, nil
	}
}

// sendCopies sends what is new ahead of its turn.
func (s *session) sendCopies(ctx context.Context) error {
	s.c.mu.Lock()
	copies := s.c.copies
	s.c.copies = nil
	s.c.mu.Unlock()
	if len(copies) == 0 {
		return nil
	}
	bodies := make([][]byte, len(copies))
	for i, e := range copies {
		bodies[i] = e.body
	}
	return s.send(ctx, appendEntries(nil, frameCopies, 0, bodies))
}

// sendSome sends a batch of the spool if the window is open.
func (s *session) sendSome(ctx context.Context, cursor uint64) (uint64, int, error) {
	_, acked := s.c.spool.Next()
	room := s.c.cfg.window - int(cursor-min(acked+1, cursor))
	if room <= 0 {
		return cursor, 0, nil
	}
	list := s.c.spool.Read(cursor, min(room, batchEntries), batchBytes)
	if len(list) == 0 {
		return cursor, 0, nil
	}
	first := list[0].number
	var bodies [][]byte
	for i, r := range list {
		if r.number != first+uint64(i) {
			break // a gap: what is behind it begins the next message
		}
		bodies = append(bodies, r.body)
	}
	cursor = first + uint64(len(bodies))
	return cursor, len(bodies), s.send(ctx, appendEntries(nil, frameEntries, first, bodies))
}

// caughtUp tells whether the line is as good as level with the spool, and ends the
// copying then: what is left goes out at once, copies that wait included.
func (s *session) caughtUp(cursor uint64) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if next, _ := s.c.spool.Next(); cursor+level < next {
		return false
	}
	s.c.copying, s.c.copies = false, nil
	return true
}

func (s *session) send(ctx context.Context, message []byte) error {
	ctx, stop := context.WithTimeout(ctx, writePatience)
	defer stop()
	if err := s.conn.Write(ctx, websocket.MessageBinary, message); err != nil {
		return fmt.Errorf("write to the hub: %w", err)
	}
	return nil
}
