package registry

import (
	"container/list"
	"sync"
)

// queue holds the things that wait for approval, the one silent longest first.
// Its lock is taken last of all.
type queue struct {
	mu    sync.Mutex
	order list.List
	place map[*entry]*list.Element
}

// heard puts e last.
func (q *queue) heard(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.place[e]; at != nil {
		q.order.MoveToBack(at)
		return
	}
	if q.place == nil {
		q.place = map[*entry]*list.Element{}
	}
	q.place[e] = q.order.PushBack(e)
}

// leave takes e out, if it is in.
func (q *queue) leave(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.place[e]; at != nil {
		q.order.Remove(at)
		delete(q.place, e)
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.place)
}

// silent is the thing that was silent longest, nil if none waits.
func (q *queue) silent() *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.order.Front(); at != nil {
		return at.Value.(*entry)
	}
	return nil
}
