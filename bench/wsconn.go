package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	maxFrame    = 16 << 20
)

// wsConn is the client's end of a WebSocket (RFC 6455), made for reading a lot.
// One goroutine reads; any may write.
type wsConn struct {
	net.Conn
	buf        []byte // what was read and not looked at is buf[start:end]
	start, end int
}

var errFrame = errors.New("websocket frame that makes no sense")

// dialWS opens a WebSocket. read is the size of its read buffer in bytes;
// subprotocol may be "".
func dialWS(ctx context.Context, host, path, subprotocol string, read int) (*wsConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c := &wsConn{Conn: conn, buf: make([]byte, read)}
	if err := c.upgrade(host, path, subprotocol); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open websocket %s%s: %w", host, path, err)
	}
	return c, nil
}

// upgrade does the handshake. The server is trusted to be one: its
// Sec-WebSocket-Accept is not looked at.
func (c *wsConn) upgrade(host, path, subprotocol string) error {
	head := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9vc3QtYmVuY2gta2V5IQ==\r\n"
	if subprotocol != "" {
		head += "Sec-WebSocket-Protocol: " + subprotocol + "\r\n"
	}
	if _, err := io.WriteString(c.Conn, head+"\r\n"); err != nil {
		return err
	}
	r := bufio.NewReaderSize(c.Conn, 4096)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		_ = answer.Body.Close()
		return fmt.Errorf("answered %s: %s", answer.Status, text)
	}
	rest, _ := r.Peek(r.Buffered()) // cannot fail: it is there
	if len(rest) > len(c.buf) {
		c.buf = make([]byte, 2*len(rest))
	}
	c.end = copy(c.buf, rest)
	return nil
}

// receive reads once from the socket and gives every whole message, or part of
// one, to each. It answers pings.
func (c *wsConn) receive(each func(message []byte)) error {
	if c.end == len(c.buf) {
		if c.start == 0 {
			if len(c.buf) >= maxFrame {
				return errFrame
			}
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
		}
		c.end = copy(c.buf, c.buf[c.start:c.end])
		c.start = 0
	}
	n, err := c.Read(c.buf[c.end:])
	c.end += n
	if err != nil {
		return err
	}
	return c.frames(each)
}

// frames takes the whole frames out of the buffer.
func (c *wsConn) frames(each func(message []byte)) error {
	for {
		b := c.buf[c.start:c.end]
		head, size, ok := frameSize(b)
		if !ok || uint64(len(b)-head) < size {
			if size > maxFrame {
				return errFrame
			}
			break
		}
		payload := b[head : head+int(size)]
		c.start += head + int(size)
		switch b[0] & 0x0f {
		case 0, 1, 2:
			each(payload)
		case 8:
			return closedBy(payload)
		case 9:
			if _, err := c.Write(frame(nil, 10, payload)); err != nil {
				return err
			}
		}
	}
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	return nil
}

// frameSize reads the head of a server's frame. Not ok: it is not whole yet.
func frameSize(b []byte) (head int, size uint64, ok bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	switch size = uint64(b[1] & 0x7f); size {
	case 126:
		if len(b) < 4 {
			return 0, 0, false
		}
		return 4, uint64(binary.BigEndian.Uint16(b[2:])), true
	case 127:
		if len(b) < 10 {
			return 0, 0, false
		}
		return 10, binary.BigEndian.Uint64(b[2:]), true
	}
	return 2, size, true
}

func closedBy(payload []byte) error {
	if len(payload) < 2 {
		return errors.New("server closed the websocket")
	}
	return fmt.Errorf("server closed the websocket: %d %s", binary.BigEndian.Uint16(payload), payload[2:])
}

// frame appends a client's frame. The masking key is zero, which leaves the
// payload as it is.
func frame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// text writes one text message.
func (c *wsConn) text(s string) error {
	_, err := c.Write(frame(nil, 1, []byte(s)))
	return err
}

// crowd is a number of connections with a reading goroutine each.
type crowd struct {
	conns []*wsConn
	work  sync.WaitGroup
}

// dialAll opens n connections, 32 at a time.
func (c *crowd) dialAll(ctx context.Context, n int, dial func(ctx context.Context, i int) (*wsConn, error)) error {
	c.conns = make([]*wsConn, n)
	return many(n, func(i int) (err error) {
		c.conns[i], err = dial(ctx, i)
		return err
	})
}

// read lets every connection be read until it ends; each gets what came on the i-th.
func (c *crowd) read(each func(i int) func(message []byte)) {
	for i, conn := range c.conns {
		take := each(i)
		c.work.Go(func() {
			for conn.receive(take) == nil { //nolint:revive // what came was handed on
			}
		})
	}
}

// write sends the same bytes on every connection.
func (c *crowd) write(b []byte) error {
	for _, conn := range c.conns {
		if _, err := conn.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// close ends every connection and waits for the readers.
func (c *crowd) close() {
	for _, conn := range c.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
	c.work.Wait()
}
