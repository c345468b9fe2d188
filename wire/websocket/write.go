package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"
)

// errBroken: the connection takes no more frames.
var errBroken = errors.New("websocket is closing")

// Write writes frames that are made already, in one call. It gives up after 10 s;
// the connection then takes no more.
func (c *Conn) Write(frames []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.write(frames, writePatience, false)
}

// WriteText writes one text message.
func (c *Conn) WriteText(message string) error {
	return c.Write(AppendText(make([]byte, 0, len(message)+10), message))
}

// write writes frames, last if they are the close frame. The caller holds c.writing.
func (c *Conn) write(b []byte, patience time.Duration, last bool) error {
	if c.broken {
		return errBroken
	}
	err := c.stream.SetWriteDeadline(time.Now().Add(patience))
	if c.ending.Load() && !last { // its deadline may just have been replaced by ours
		return errBroken
	}
	if err == nil {
		_, err = c.stream.Write(b)
	}
	if err != nil {
		c.broken = true
		return fmt.Errorf("write websocket: %w", err)
	}
	return nil
}

func (c *Conn) control(op Op, payload []byte) error {
	return c.Write(append(appendHeader(make([]byte, 0, 2+len(payload)), op, len(payload)), payload...))
}

const (
	// closePatience is how long a peer may take to answer a close frame.
	closePatience = 5 * time.Second
	// lastWrite is how long the close frame itself may take.
	lastWrite = time.Second
)

// sendClose sends the close frame, the last one. It breaks a write that hangs.
func (c *Conn) sendClose(code uint16, reason string) error {
	c.ending.Store(true)
	if err := c.stream.SetWriteDeadline(time.Now().Add(lastWrite)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	var body []byte
	if code != noStatus {
		reason = cut(strings.ToValidUTF8(reason, "?"), maxControl-2)
		body = append(binary.BigEndian.AppendUint16(nil, code), reason...)
	}
	err := c.write(append(appendHeader(nil, opClose, len(body)), body...), lastWrite, true)
	c.broken = true
	return err
}

func cut(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

// Close sends a close frame (none when code is 0: it is then empty), waits up to
// 5 s for the peer's, and ends the connection. Only the reading goroutine may call it.
func (c *Conn) Close(code uint16, reason string) error {
	if code == 0 {
		code = noStatus
	}
	if c.sendClose(code, reason) == nil && c.armDrain() == nil {
		c.drain()
	}
	return c.Cut()
}

func (c *Conn) armDrain() error {
	c.arming.Lock()
	defer c.arming.Unlock()
	if c.interrupted { // its deadline is the shorter one
		return nil
	}
	return c.stream.SetReadDeadline(time.Now().Add(closePatience))
}

// drain throws away what comes until the peer's close frame or its end: closing
// with bytes unread would reset the connection and lose our last frame.
func (c *Conn) drain() {
	var skip uint64
	for {
		rest := c.in[c.from:]
		if skip >= uint64(len(rest)) {
			skip -= uint64(len(rest))
			c.from = len(c.in)
		} else if h, n, err := parseHeader(rest[skip:]); err != nil {
			_, _ = io.Copy(io.Discard, c.stream) // framing is lost: until its end, or the deadline
			return
		} else if n > 0 {
			if h.op == opClose {
				return
			}
			c.from += int(skip) + n
			skip = h.size
			continue
		} else {
			c.from += int(skip)
			skip = 0
		}
		c.makeRoom(0)
		n, err := c.stream.Read(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return
		}
		c.in = c.in[:len(c.in)+n]
	}
}

// Interrupt sends a close frame from another goroutine than the reading one, whose
// Next then ends within patience. That one calls Cut. The first Interrupt counts: a
// peer that goes on talking must not be given time anew by each of its words.
func (c *Conn) Interrupt(code uint16, reason string, patience time.Duration) {
	_ = c.sendClose(code, reason) // the read deadline ends it either way
	c.arming.Lock()
	defer c.arming.Unlock()
	if c.interrupted {
		return
	}
	c.interrupted = true
	_ = c.stream.SetReadDeadline(time.Now().Add(patience))
}

// Halt makes the reading goroutine's Next end at once, without a word to the peer, and
// gives writes until patience is over. Anybody may call it; it does not block.
func (c *Conn) Halt(patience time.Duration) {
	_ = c.stream.SetWriteDeadline(time.Now().Add(patience))
	c.arming.Lock()
	defer c.arming.Unlock()
	c.interrupted = true
	_ = c.stream.SetReadDeadline(time.Unix(1, 0))
}

// Cut ends the connection without a word.
func (c *Conn) Cut() error { return c.stream.Close() }

// Abort is Cut for a peer that does not read: what stands in the socket's buffer
// is thrown away, or the kernel would go on offering it. Once a close frame is under
// way it does nothing: the peer is to read that, and whoever sent it ends the connection.
func (c *Conn) Abort() error {
	if c.ending.Load() {
		return nil
	}
	var stream any = c.stream
	for {
		if tcp, ok := stream.(interface{ SetLinger(sec int) error }); ok {
			_ = tcp.SetLinger(0) // Close then only takes longer
			return c.stream.Close()
		}
		wrapper, ok := stream.(interface{ NetConn() net.Conn })
		if !ok {
			return c.stream.Close()
		}
		stream = wrapper.NetConn()
	}
}

// closedByPeer answers a close frame with the code it came with.
func (c *Conn) closedByPeer(payload []byte) error {
	e := &CloseError{Code: noStatus, Peer: true}
	switch {
	case len(payload) == 1 || !utf8.Valid(payload[min(2, len(payload)):]):
		return protocolError("The close frame makes no sense.")
	case len(payload) >= 2:
		e.Code, e.Reason = binary.BigEndian.Uint16(payload), string(payload[2:])
	}
	if len(payload) > 0 && !mayBeSent(e.Code) {
		return protocolError("The close code makes no sense.")
	}
	_ = c.sendClose(e.Code, "") // the peer may be gone already
	return e
}

// mayBeSent holds for close codes that a frame may carry (RFC 6455, 7.4).
func mayBeSent(code uint16) bool {
	reserved := code >= 1004 && code <= 1006
	return code >= 1000 && code <= 1014 && !reserved || code >= 3000 && code <= 4999
}
