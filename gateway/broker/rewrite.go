package broker

import "context"

// rewritePortion is how many changes are written at once when all is written anew.
const rewritePortion = 4096

// rewrite writes all that is kept anew, while life goes on, and forgets the log before.
func (j *journal) rewrite(ctx context.Context) error {
	j.mu.Lock()
	lost := j.lost
	j.lost = false
	j.mu.Unlock()
	before := j.logged
	j.round++
	j.first, j.logged = 0, 0
	err := j.rewriteAll(ctx)
	if err == nil && j.first > 0 {
		if err = j.store.TrimBroker(context.WithoutCancel(ctx), j.first); err != nil {
			j.b.log.Error("journal of the broker not trimmed", "err", err)
		}
	}
	if err != nil {
		j.logged += before
		j.mu.Lock()
		j.lost = j.lost || lost
		j.mu.Unlock()
		return err
	}
	j.alive = j.logged
	j.failed = nil
	return nil
}

func (j *journal) rewriteAll(ctx context.Context) (err error) {
	flush := func(least int) {
		j.mu.Lock()
		n := len(j.pending)
		j.mu.Unlock()
		if n >= least && err == nil {
			err = j.flush(ctx)
		}
	}
	j.b.eachSession(func(st *session) {
		st.mu.Lock()
		if st.number != 0 && !st.ended {
			j.putSession(st, true)
		}
		st.mu.Unlock()
		flush(rewritePortion)
	})
	for _, topic := range j.b.kept.topics() {
		j.b.kept.mu.Lock()
		if at := j.b.kept.find(topic); at != nil {
			j.putRetained(at, true)
		}
		j.b.kept.mu.Unlock()
		flush(rewritePortion)
	}
	flush(0) // whoever waits hears of it
	return err
}
