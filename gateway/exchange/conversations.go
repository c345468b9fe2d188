package exchange

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// outcome is what became of a confirmable message.
type outcome uint8

const (
	acked outcome = iota
	wasReset
)

// sent is a confirmable message that waits for its acknowledgement.
type sent struct {
	token  coap.Token
	settle chan outcome // holds one
}

// arrival is a response with the time it came.
type arrival struct {
	Response
	at  time.Duration
	err error // the response was unusable
}

// wait is who waits for responses with one token: a request for one, an
// observation for many.
type wait struct {
	inbox chan arrival
	many  bool
}

type sentKey struct {
	remote netip.AddrPort
	id     uint16
}

type waitKey struct {
	remote netip.AddrPort
	token  coap.Token
}

// conversations holds what this end has begun and not yet finished. Each entry
// belongs to a call that removes it, so their number is bounded by the callers.
type conversations struct {
	shards [8]conversationShard
}

type conversationShard struct {
	mu    sync.Mutex
	sent  map[sentKey]*sent
	waits map[waitKey]*wait
	_     [64]byte
}

func (c *conversations) shard(remote netip.AddrPort) *conversationShard {
	last := remote.Addr().As16()[15]
	return &c.shards[(uint(last)+uint(remote.Port()))%uint(len(c.shards))]
}

// expect registers a confirmable message about to be sent.
func (c *conversations) expect(remote netip.AddrPort, id uint16, token coap.Token) *sent {
	s := &sent{token: token, settle: make(chan outcome, 1)}
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.sent == nil {
		sh.sent = make(map[sentKey]*sent)
	}
	sh.sent[sentKey{remote, id}] = s
	return s
}

// abandon removes what expect registered.
func (c *conversations) abandon(remote netip.AddrPort, id uint16) {
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.sent, sentKey{remote, id})
}

// settle tells the sender of a confirmable message what became of it. False:
// no such message is open.
func (c *conversations) settle(remote netip.AddrPort, id uint16, o outcome) bool {
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := sh.sent[sentKey{remote, id}]
	if s == nil {
		return false
	}
	select {
	case s.settle <- o:
	default: // settled already
	}
	return true
}

// piggybacked says whether an acknowledgement with this token belongs to an
// open message (RFC 7252, 5.3.2: both must match).
func (c *conversations) piggybacked(remote netip.AddrPort, id uint16, token coap.Token) bool {
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := sh.sent[sentKey{remote, id}]
	return s != nil && s.token == token
}

// join gives w a token that no other open conversation with the remote has.
// False: there is none free.
func (c *conversations) join(remote netip.AddrPort, w *wait) (coap.Token, bool) {
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.waits == nil {
		sh.waits = make(map[waitKey]*wait)
	}
	for range 64 {
		key := waitKey{remote, coap.Token16(uint16(rand.Uint32()))}
		if sh.waits[key] == nil {
			sh.waits[key] = w
			return key.token, true
		}
	}
	return coap.Token{}, false
}

// leave ends what join began.
func (c *conversations) leave(remote netip.AddrPort, token coap.Token) {
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.waits, waitKey{remote, token})
}

func (c *conversations) waiting(remote netip.AddrPort, token coap.Token) *wait {
	sh := c.shard(remote)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.waits[waitKey{remote, token}]
}

// deliver hands a copy of a response to who waits for its token. An observation
// that is behind loses its oldest notification. False: nobody waits.
func (c *conversations) deliver(remote netip.AddrPort, m *coap.Message, e *Endpoint) bool {
	w := c.waiting(remote, m.Token)
	if w == nil {
		return false
	}
	w.put(arrival{Response: responseOf(m), at: e.now()}, e)
	return true
}

// spoil fails the request whose response can not be used.
func (c *conversations) spoil(remote netip.AddrPort, token coap.Token) {
	if w := c.waiting(remote, token); w != nil && !w.many {
		w.put(arrival{err: ErrOption}, nil)
	}
}

func (w *wait) put(a arrival, e *Endpoint) {
	for {
		select {
		case w.inbox <- a:
			return
		default:
		}
		if !w.many {
			return // a second answer to one request
		}
		select {
		case <-w.inbox:
			e.count.dropped.Add(1)
		default:
		}
	}
}
