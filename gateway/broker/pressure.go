package broker

import (
	"context"
	"time"
)

// A publisher that is quicker than a subscriber waits for it a little, so that the row
// of one that does read is not filled by a burst. One that does not read holds up
// nobody for long: it is waited for once, till it has caught up.
const (
	patience = 100 * time.Millisecond // for one burst
	progress = 512                    // packets that a client must take meanwhile to be waited for again
)

// pressed says that publishers should wait: half of the row is full.
func (st *session) pressed() bool {
	return !st.slow && !st.asleep && (st.queued() > st.b.config.MaxQueued/2 || st.bytes > st.b.config.MaxQueuedBytes/2)
}

// roomy says that they may go on.
func (st *session) roomy() bool {
	return st.queued() <= st.b.config.MaxQueued*3/8 && st.bytes <= st.b.config.MaxQueuedBytes*3/8
}

// idle says that a slow one has caught up.
func (st *session) idle() bool {
	return st.queued() <= st.b.config.MaxQueued/8 && st.bytes <= st.b.config.MaxQueuedBytes/8
}

// letGo lets publishers go on.
func (st *session) letGo() {
	if st.room != nil {
		close(st.room)
		st.room = nil
	}
}

// relieve waits for those that have much waiting, but not for the publisher's own session.
func (fx *effects) relieve(ctx context.Context, own *session) {
	if len(fx.pressed) == 0 {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for _, st := range fx.pressed {
		if st != own && !st.makesRoom(ctx, timer) {
			break // the patience is used up
		}
	}
	clear(fx.pressed)
	fx.pressed = fx.pressed[:0]
}

// makesRoom waits for a client to read; false when time is over.
func (st *session) makesRoom(ctx context.Context, timer *time.Timer) bool {
	st.mu.Lock()
	if st.conn == nil || !st.pressed() {
		st.mu.Unlock()
		return true
	}
	if st.room == nil {
		st.room = make(chan struct{})
	}
	room, before := st.room, st.taken
	st.mu.Unlock()
	select {
	case <-room:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.taken-before < progress {
		st.slow = true
	}
	return false
}
