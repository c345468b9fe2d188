package websocket

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Stream is what a connection runs on: any net.Conn.
type Stream interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	SetDeadline(t time.Time) error
}

const (
	defaultMaxMessage = 64 << 10
	defaultKeepBuffer = 512
	// minRead is the least room that a read is given: any header and some payload.
	minRead = 64
	// writePatience is how long a peer may leave a write waiting.
	writePatience = 10 * time.Second
)

// CloseError is how a connection ended by the word of one side: a close frame, or
// a rule that the peer broke.
type CloseError struct {
	Code   uint16 // 1005: the peer's close frame held none
	Reason string
	Peer   bool // the peer closed
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket closed: %d %s", e.Code, e.Reason)
}

// ErrSilent is what Next gives when the peer was silent for longer than Dead.
var ErrSilent = errors.New("peer is silent")

// Close codes (RFC 6455, 7.4.1).
const (
	Normal        = 1000
	GoingAway     = 1001
	protocolFault = 1002
	noStatus      = 1005
	Policy        = 1008
	tooBig        = 1009
	TryLater      = 1013
)

func protocolError(reason string) error { return &CloseError{Code: protocolFault, Reason: reason} }

// Conn is one WebSocket. One goroutine reads; any may write.
type Conn struct {
	stream Stream
	o      Options

	in      []byte // bytes read and not yet used: in[from:]
	from    int
	message []byte    // of fragments, so far
	op      Op        // of the message in fragments; 0: none
	heard   time.Time // when it was last worked on what the peer had sent
	pinged  time.Time // when it was last asked whether it is there
	waiting func()    // see BeforeWait; may be nil

	writing sync.Mutex
	broken  bool        // a write failed half-way, or the close frame is out
	ending  atomic.Bool // the close frame is next; set before the deadline that breaks a write

	until time.Time // the read deadline that stands; zero: none. Of the reading goroutine

	arming      sync.Mutex // of the read deadline
	interrupted bool
}

// New makes a connection of a stream on which the handshake is done.
func New(stream Stream, o Options) *Conn {
	if o.MaxMessage == 0 {
		o.MaxMessage = defaultMaxMessage
	}
	if o.KeepBuffer == 0 {
		o.KeepBuffer = defaultKeepBuffer
	}
	return &Conn{stream: stream, o: o, heard: time.Now()}
}

// SetDead changes Options.Dead from the next read on. Only the reading goroutine may call it.
func (c *Conn) SetDead(d time.Duration) { c.o.Dead = d }

// SetMaxMessage changes Options.MaxMessage. Only the reading goroutine may call it.
func (c *Conn) SetMaxMessage(size int) { c.o.MaxMessage = size }

// BeforeWait makes Next call f whenever all that has come is worked on and it is
// about to read from the stream. Only the reading goroutine may call it.
func (c *Conn) BeforeWait(f func()) { c.waiting = f }

// Next gives the next message. The payload is good until the call after. Pings
// are answered on the way. Errors: *CloseError (already answered when the peer
// closed), ErrSilent, or the stream's.
func (c *Conn) Next() (Op, []byte, error) {
	for {
		h, payload, err := c.frame()
		if err != nil {
			return 0, nil, err
		}
		switch {
		case h.op == opPing:
			if err := c.control(opPong, payload); err != nil {
				return 0, nil, err
			}
		case h.op == opClose:
			return 0, nil, c.closedByPeer(payload)
		case h.op == opPong:
		case h.op == opContinuation && c.op == 0:
			return 0, nil, protocolError("There is nothing to continue.")
		case h.op != opContinuation && c.op != 0:
			return 0, nil, protocolError("The message before has not ended.")
		case h.fin && c.op == 0:
			return h.op, payload, nil
		default:
			if op, whole := c.fragment(h, payload); whole {
				return op, c.message, nil
			}
		}
	}
}

// fragment adds one; the message is whole with its last.
func (c *Conn) fragment(h header, payload []byte) (op Op, whole bool) {
	if c.op == 0 {
		c.op, c.message = h.op, nil
	}
	c.message = append(c.message, payload...)
	if !h.fin {
		return 0, false
	}
	op, c.op = c.op, 0
	return op, true
}

// frame gives the next frame, unmasked, in the read buffer.
func (c *Conn) frame() (header, []byte, error) {
	for {
		h, n, err := parseHeader(c.in[c.from:])
		if err != nil {
			return h, nil, err
		}
		if n > 0 {
			sofar := 0
			if c.op != 0 && !h.op.control() {
				sofar = len(c.message)
			}
			if h.size > uint64(c.o.MaxMessage-sofar) {
				return h, nil, &CloseError{Code: tooBig, Reason: fmt.Sprintf("A message may have %d bytes.", c.o.MaxMessage)}
			}
			if size := int(h.size); len(c.in)-c.from-n >= size {
				payload := c.in[c.from+n:][:size]
				unmask(payload, h.key)
				c.from += n + size
				return h, payload, nil
			}
		}
		if err := c.fill(n + int(h.size)); err != nil {
			return h, nil, err
		}
	}
}

// fill reads more bytes into the buffer, which grows towards want as they come.
func (c *Conn) fill(want int) error {
	if c.waiting != nil {
		c.waiting()
	}
	c.makeRoom(want)
	c.heard = time.Now() // while its last words were worked on, nobody listened
	for {
		if err := c.armRead(); err != nil {
			return err
		}
		n, err := c.stream.Read(c.in[len(c.in):cap(c.in)])
		if n > 0 {
			c.in = c.in[:len(c.in)+n]
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.wasInterrupted() {
			return err
		}
		c.until = passed
		now := time.Now()
		if c.o.Dead > 0 && now.Sub(c.heard) >= c.o.Dead {
			return ErrSilent
		}
		if c.o.Ping > 0 && !now.Before(c.nextPing()) {
			c.pinged = now
			if err := c.control(opPing, nil); err != nil {
				return err
			}
		}
	}
}

// makeRoom moves what is left to the front and keeps the buffer small while idle.
func (c *Conn) makeRoom(want int) {
	left := c.in[c.from:]
	switch keep := c.o.KeepBuffer; {
	case len(left) == 0 && cap(c.in) != keep:
		c.in = make([]byte, 0, keep)
	case cap(c.in)-len(left) >= minRead && (want <= cap(c.in) || len(left) < cap(c.in)/2):
		c.in = c.in[:copy(c.in[:len(left)], left)]
	default:
		grown := make([]byte, len(left), max(keep, 2*cap(c.in)))
		copy(grown, left)
		c.in = grown
	}
	c.from = 0
}

// passed is a read deadline that is over: another has to be set.
var passed = time.Unix(1, 0)

// nextPing is when a peer is asked that stays silent.
func (c *Conn) nextPing() time.Time {
	if c.pinged.After(c.heard) {
		return c.pinged.Add(c.o.Ping)
	}
	return c.heard.Add(c.o.Ping)
}

// armRead sets the deadline at which a peer that stays silent is pinged or given up.
// One that comes too early stands: it is not moved with every message, but when it has
// passed.
func (c *Conn) armRead() error {
	var until time.Time // for ever
	if c.o.Ping > 0 {
		until = c.nextPing()
	}
	if c.o.Dead > 0 {
		if dead := c.heard.Add(c.o.Dead); until.IsZero() || dead.Before(until) {
			until = dead
		}
	}
	if until.IsZero() && c.until.IsZero() || !until.IsZero() && c.until.After(c.heard) && !c.until.After(until) {
		return nil
	}
	c.arming.Lock()
	defer c.arming.Unlock()
	if c.interrupted {
		return nil
	}
	if err := c.stream.SetReadDeadline(until); err != nil {
		return fmt.Errorf("set read deadline: %w", err)
	}
	c.until = until
	return nil
}

func (c *Conn) wasInterrupted() bool {
	c.arming.Lock()
	defer c.arming.Unlock()
	return c.interrupted
}
