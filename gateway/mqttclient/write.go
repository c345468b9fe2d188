package mqttclient

import (
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// mostOut is how many bytes may wait to be written before who adds more must wait.
const mostOut = 256 << 10

// buffers lend memory to write with.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// append adds a packet to what is to be written. The caller holds Client.mu.
func (l *link) append(p mqtt.Packet) {
	if l.out == nil {
		l.out = (*buffers.Get().(*[]byte))[:0]
	}
	l.out = p.Append(l.out, l.version)
}

// flush writes what waits.
func (c *Client) flush(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushLocked(l)
}

// flushLocked writes what waits, unless somebody is writing, who then does it. The
// caller holds c.mu, which is released while writing.
func (c *Client) flushLocked(l *link) {
	if l.writing || c.link != l {
		return
	}
	l.writing = true
	for len(l.out) > 0 && c.link == l {
		b := l.out
		l.out = nil
		l.tellRoom()
		c.mu.Unlock()
		err := l.write(b)
		b = b[:0]
		buffers.Put(&b)
		if err != nil {
			l.cut(err)
		}
		c.mu.Lock()
		if err != nil {
			l.out = nil
		}
	}
	l.writing = false
	if l.quiet != nil {
		close(l.quiet)
		l.quiet = nil
	}
}

func (l *link) tellRoom() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

func (l *link) write(b []byte) error {
	l.said.Store(time.Now().UnixNano())
	if !l.leaving.Load() {
		_ = l.conn.SetWriteDeadline(time.Now().Add(l.c.o.Patience)) // the write tells
	}
	_, err := l.conn.Write(b)
	return err
}

func (c *Client) ping(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == l {
		l.append(&mqtt.Ping{Type: mqtt.TypePingreq})
		c.flushLocked(l)
	}
}

// farewell writes DISCONNECT behind all else. It gives false where nobody listens yet.
func (c *Client) farewell(l *link) bool {
	c.mu.Lock()
	if c.link != l {
		c.mu.Unlock()
		return false
	}
	l.append(&mqtt.Disconnect{})
	c.flushLocked(l)
	var quiet chan struct{}
	if l.writing {
		if l.quiet == nil {
			l.quiet = make(chan struct{})
		}
		quiet = l.quiet
	}
	c.mu.Unlock()
	if quiet != nil {
		<-quiet // the deadline ends it
	}
	return true
}
