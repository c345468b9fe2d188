package mqtt

import (
	"sync"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

const (
	// roundBytes is about how much is written at once.
	roundBytes = 64 << 10
	// mostAcks is how many bytes of acknowledgements may wait for a client that does
	// not read before nothing more is read from it.
	mostAcks = 256 << 10
)

// writer is what is needed while something is written.
type writer struct {
	buf  []byte
	out  []broker.Delivery
	rest []byte // of buf: what the line did not take without waiting
}

var writers = sync.Pool{New: func() any { return &writer{out: make([]broker.Delivery, 0, 256)} }}

func (w *writer) free() {
	w.rest = nil
	if cap(w.buf) > 4*roundBytes {
		w.buf = nil
	}
	writers.Put(w)
}

// pump writes until there is nothing more. It is started by who set c.writing.
func (c *conn) pump() { c.pumpWith(writers.Get().(*writer)) }

func (c *conn) pumpWith(w *writer) {
	defer w.free()
	if !c.finishRound(w) {
		return
	}
	for c.gather(w, nil) {
		if !c.finishRound(w) {
			return
		}
	}
}

// finishRound writes what a round has left, however long that takes.
func (c *conn) finishRound(w *writer) bool {
	if len(w.rest) == 0 {
		return true
	}
	err := c.line.write(w.rest, c.limits.patience)
	w.rest = nil
	if err == nil {
		return true
	}
	c.mu.Lock()
	c.broken, c.torn = true, true
	c.stopped()
	c.mu.Unlock()
	c.line.halt() // its reader sees the end
	return false
}

// flush writes acknowledgements, and what the session has. It does not wait for the
// client, but where too many acknowledgements wait already.
func (c *conn) flush(acks []byte) error {
	c.mu.Lock()
	for len(acks) > 0 && c.writing && !c.broken && len(c.acks) > mostAcks {
		c.awaitRoom()
	}
	if c.writing || c.broken {
		c.acks = append(c.acks, acks...)
		c.mu.Unlock()
		return nil
	}
	if len(acks) == 0 && !c.woken {
		c.mu.Unlock()
		return nil
	}
	c.writing = true
	c.mu.Unlock()
	w := writers.Get().(*writer)
	if !c.gather(w, acks) {
		w.free()
		return nil
	}
	if len(w.rest) == 0 && c.rested() {
		w.free()
		return nil
	}
	go c.pumpWith(w)
	return nil
}

// rested ends the writing if there is nothing to write at the moment.
func (c *conn) rested() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.acks) > 0 || c.woken {
		return false
	}
	c.stopped()
	return true
}

// awaitRoom waits with c.mu released until who writes has taken the acknowledgements.
func (c *conn) awaitRoom() {
	if c.room == nil {
		c.room = make(chan struct{})
	}
	room := c.room
	c.mu.Unlock()
	<-room // the patience of the write ends it
	c.mu.Lock()
}

// gather collects what is to be written and writes what goes at once; w.rest is what
// did not. It gives false, and ends the writing, when there was nothing.
func (c *conn) gather(w *writer, acks []byte) bool {
	c.mu.Lock()
	more := c.acks
	woken := c.woken
	c.acks, c.woken = nil, false
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	if c.broken || len(more)+len(acks) == 0 && !woken {
		c.stopped()
		c.mu.Unlock()
		return false
	}
	c.mu.Unlock()
	w.buf = append(append(w.buf[:0], acks...), more...)
	if woken {
		c.pull(w)
	}
	w.rest = w.buf[c.line.try(w.buf):]
	return true
}

// pull encodes what the session may send now.
func (c *conn) pull(w *writer) {
	out, more := c.session.Take(w.out[:0], roundBytes)
	for i := range out {
		if c.outbound != nil && out[i].Type == mqtt.TypePublish {
			w.buf = c.outbound.append(w.buf, &out[i])
		} else {
			w.buf = out[i].Append(w.buf, c.version)
		}
	}
	clear(out)
	if more {
		c.mu.Lock()
		c.woken = true
		c.mu.Unlock()
	}
}

// stopped says that nobody writes any more. The caller holds c.mu.
func (c *conn) stopped() {
	c.writing = false
	if c.quiet != nil {
		close(c.quiet)
		c.quiet = nil
	}
	if c.broken && c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// hush ends the writing and waits for who writes.
func (c *conn) hush() {
	c.mu.Lock()
	c.broken = true
	if !c.writing {
		c.mu.Unlock()
		return
	}
	if c.quiet == nil {
		c.quiet = make(chan struct{})
	}
	quiet := c.quiet
	c.mu.Unlock()
	c.line.halt() // ends a write that hangs
	<-quiet
}

// lastWords writes the acknowledgements that are left, and DISCONNECT where the version
// lets a server say that. It gives true if the client should get to read something.
func (c *conn) lastWords(code mqtt.ReasonCode, reason string) bool {
	words := c.acks // nobody else writes any more
	c.acks = nil
	if c.torn {
		return false
	}
	if c.version == mqtt.V5 && code.Failed() {
		bye := mqtt.Disconnect{Code: code}
		if c.problems {
			bye.Reason = reason
		}
		words = bye.Append(words, c.version)
	}
	if len(words) == 0 {
		return false
	}
	return c.line.write(words, parting) == nil
}
