package exchange

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// observers are the remotes that observe resources of this endpoint (RFC 7641,
// 4). A resource is its path.
type observers struct {
	mu     sync.Mutex
	seq    uint32 // of the newest notification of any resource
	count  int
	byPath map[string][]*observer
	byPeer map[netip.AddrPort][]*observer
}

// observer is one entry of the list. Its fields belong to observers.mu.
type observer struct {
	path       string
	request    Request  // the registration
	recent     []uint16 // Message IDs of its newest notifications, for resets
	sent       int      // notifications since the last confirmable one
	confirmed  time.Duration
	confirming bool
}

// register enters or removes the sender of a GET as an observer of its path,
// and gives the response of a registration its Observe option. A full list
// leaves that out: the remote then knows that it does not observe.
func (e *Endpoint) register(q *Request, a Response) Response {
	if q.Code != coap.GET || q.meta.block2.Num > 0 {
		return a
	}
	v, ok := q.Options.Uint(coap.Observe)
	if !ok {
		return a
	}
	w, path := &e.watched, q.Options.Path()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(w.find(q.Remote, q.meta.token))
	if v != coap.Register || !a.Observable || !a.Code.IsSuccess() || w.count >= e.c.Observers {
		return a
	}
	w.add(&observer{path: path, request: q.Clone(), confirmed: e.now()})
	w.seq++
	a.Options = slices.Clone(a.Options)
	a.Options.SetUint(coap.Observe, w.seq&0xffffff)
	return a
}

// Notify sends the new state of a resource to all who observe its path and says
// how many they are. Every ConfirmEvery-th notification, and one a day at least,
// is confirmable; who resets one or does not answer is no longer told. After a
// response that is no success nobody observes the resource any more.
func (e *Endpoint) Notify(path string, a Response) int {
	var o coap.Options
	o.SetPath(path)
	path = o.Path()
	w := &e.watched
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.Clone(w.byPath[path])
	a.Observable = false
	if a.Code.IsSuccess() {
		w.seq++
		a.Options = slices.Clone(a.Options)
		a.Options.SetUint(coap.Observe, w.seq&0xffffff)
	}
	for _, ob := range list {
		e.notify(ob, a)
		if !a.Code.IsSuccess() {
			w.remove(ob)
		}
	}
	return len(list)
}

// notify sends one notification to one observer.
func (e *Endpoint) notify(ob *observer, a Response) {
	m := coap.Message{Type: coap.NonConfirmable, ID: e.newID()}
	e.dress(&m, &ob.request, a)
	ob.sent++
	due := ob.sent >= e.c.ConfirmEvery || e.now()-ob.confirmed >= 24*time.Hour || !a.Code.IsSuccess()
	if due && !ob.confirming {
		ob.sent, ob.confirming = 0, true
		m := m.Clone()
		if e.spawn(func() { e.notifySurely(ob, &m) }) {
			return
		}
	}
	if len(ob.recent) == 8 {
		ob.recent = append(ob.recent[:0], ob.recent[1:]...)
	}
	ob.recent = append(ob.recent, m.ID)
	_ = e.sendBy(ob.request.meta.conn, m.Append(nil), ob.request.Remote)
}

// notifySurely sends a confirmable notification and drops the observer that does
// not acknowledge it.
func (e *Endpoint) notifySurely(ob *observer, m *coap.Message) {
	err := e.confirm(context.Background(), ob.request.Remote, m)
	w := &e.watched
	w.mu.Lock()
	defer w.mu.Unlock()
	ob.confirming, ob.confirmed = false, e.now()
	if err != nil {
		w.remove(ob)
	}
}

// refused drops the observer that reset a notification.
func (w *observers) refused(remote netip.AddrPort, id uint16) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ob := range w.byPeer[remote] {
		if slices.Contains(ob.recent, id) {
			w.remove(ob)
			return
		}
	}
}

func (w *observers) find(remote netip.AddrPort, token coap.Token) *observer {
	for _, ob := range w.byPeer[remote] {
		if ob.request.meta.token == token {
			return ob
		}
	}
	return nil
}

func (w *observers) add(ob *observer) {
	if w.byPath == nil {
		w.byPath = make(map[string][]*observer)
		w.byPeer = make(map[netip.AddrPort][]*observer)
	}
	w.byPath[ob.path] = append(w.byPath[ob.path], ob)
	w.byPeer[ob.request.Remote] = append(w.byPeer[ob.request.Remote], ob)
	w.count++
}

// remove takes an observer out; one that is not in, or nil, is none.
func (w *observers) remove(ob *observer) {
	if ob == nil || !cutOut(w.byPath, ob.path, ob) {
		return
	}
	cutOut(w.byPeer, ob.request.Remote, ob)
	w.count--
}

func cutOut[K comparable](m map[K][]*observer, key K, ob *observer) bool {
	i := slices.Index(m[key], ob)
	if i < 0 {
		return false
	}
	if m[key] = slices.Delete(m[key], i, i+1); len(m[key]) == 0 {
		delete(m, key)
	}
	return true
}
