package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// apiBase begins the path of every call.
const apiBase = "/api/v1"

// longestLine bounds what a line of an answer may be.
const longestLine = 4 << 20

// answer is what is read of an answer to a call.
type answer struct {
	r    *bufio.Reader
	conn io.Closer
	stop func() bool
}

func (a *answer) close() {
	a.stop()
	_ = a.conn.Close()
}

// post makes a call as devices do: one connection, HTTP/1.0, request line and Host in
// one write, each further line in one of its own, then the body. opened is called once
// the connection stands. A status other than 200 is an error. The caller closes.
func (d *PythingsDevice) post(ctx context.Context, path, body string, opened func()) (*answer, error) {
	host, port, prefix := hosts(d.backend())
	secure := d.canTLS() && d.settings["ssl"] != false
	if port == "" {
		port = usualPort(secure)
	}
	conn, err := d.dial(ctx, net.JoinHostPort(host, port), secure)
	if err != nil {
		return nil, osError(err)
	}
	opened()
	a := &answer{r: bufio.NewReader(conn), conn: conn}
	a.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := send(conn, host, prefix+apiBase+path, body, d.length(body)); err != nil {
		a.close()
		return nil, osError(err)
	}
	if err := a.head(); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// usualPort is that of a backend which names none.
func usualPort(secure bool) string {
	if secure {
		return "443"
	}
	return "80"
}

// backend is where calls go now.
func (d *PythingsDevice) backend() string {
	if d.c.Backend != "" {
		return d.c.Backend
	}
	if told, _ := d.settings["backend"].(string); d.looping && told != "" {
		return told
	}
	return d.c.BuiltIn
}

func send(w io.Writer, host, path, body string, length int) error {
	for _, piece := range []string{
		"POST " + path + " HTTP/1.0\r\nHost: " + host + "\r\n",
		"content-length: " + strconv.Itoa(length) + "\r\n",
		"content-type: application/json\r\n",
		"\r\n",
		body,
	} {
		if _, err := io.WriteString(w, piece); err != nil {
			return err
		}
	}
	return nil
}

// head reads status and headers.
func (a *answer) head() error {
	status, err := a.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return osError(err)
	}
	parts := strings.SplitN(strings.TrimRight(status, "\r\n"), " ", 3)
	if len(parts) != 3 || strings.TrimSpace(parts[2]) == "" {
		return errors.New("ValueError: need more than 2 values to unpack")
	}
	for {
		header, err := a.line()
		if errors.Is(err, io.EOF) {
			return ErrHung // it reads on and on, and nothing comes
		}
		if err != nil {
			return osError(err)
		}
		if header == "\r\n" {
			break
		}
	}
	if parts[1] == "200" {
		return nil
	}
	text, err := a.text()
	if err != nil {
		return err
	}
	return fmt.Errorf("Exception: Got error when executing HTTP request: %s %s %s", parts[1], parts[2], text)
}

// line reads to the next LF. io.EOF: the connection ended before; what came is given.
func (a *answer) line() (string, error) {
	var b strings.Builder
	for b.Len() < longestLine {
		piece, err := a.r.ReadSlice('\n')
		b.Write(piece)
		if err == nil || !errors.Is(err, bufio.ErrBufferFull) {
			return b.String(), err
		}
	}
	return "", errors.New("MemoryError: memory allocation failed")
}

// text reads what a JSON answer is for a device: all until the first LF. Other bytes
// than ASCII can not be read.
func (a *answer) text() (string, error) {
	text, err := a.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return "", osError(err)
	}
	return strings.TrimRight(text, "\r\n"), ascii(text)
}

func ascii(text string) error {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return fmt.Errorf("UnicodeDecodeError: 'ascii' codec can't decode byte 0x%02x in position %d: ordinal not in range(128)", text[i], i)
		}
	}
	return nil
}

// osError is an error of sockets as Python names it.
func osError(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errors.New("OSError: [Errno 110] ETIMEDOUT")
	}
	if strings.Contains(err.Error(), "Error: ") {
		return err
	}
	return fmt.Errorf("OSError: %w", err)
}

// deviceConn gives every read and write a minute.
type deviceConn struct{ net.Conn }

func (c deviceConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(pythingsTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c deviceConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(pythingsTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
