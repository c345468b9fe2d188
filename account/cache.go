package account

import (
	"container/list"
	"sync"

	"github.com/roost-iot/roost"
)

// cache keeps the entries used last, by the hash of a secret.
type cache[V any] struct {
	mu    sync.Mutex
	size  int
	epoch uint64 // rises when anything is forgotten
	order *list.List
	at    map[roost.Secret]*list.Element
}

type cacheEntry[V any] struct {
	key   roost.Secret
	value V
}

func newCache[V any](size int) *cache[V] {
	return &cache[V]{size: size, order: list.New(), at: map[roost.Secret]*list.Element{}}
}

// get gives the entry and the epoch, which put wants back.
func (c *cache[V]) get(key roost.Secret) (v V, epoch uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[key]
	if !ok {
		return v, c.epoch, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheEntry[V]).value, c.epoch, true
}

// put keeps v, unless something was forgotten since epoch: v may be stale then.
func (c *cache[V]) put(key roost.Secret, v V, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if e, ok := c.at[key]; ok {
		e.Value.(*cacheEntry[V]).value = v
		return
	}
	c.at[key] = c.order.PushFront(&cacheEntry[V]{key, v})
	if c.order.Len() > c.size {
		last := c.order.Back()
		delete(c.at, last.Value.(*cacheEntry[V]).key)
		c.order.Remove(last)
	}
}

func (c *cache[V]) drop(key roost.Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	if e, ok := c.at[key]; ok {
		delete(c.at, key)
		c.order.Remove(e)
	}
}

func (c *cache[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	clear(c.at)
	c.order.Init()
}
