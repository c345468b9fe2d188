package sim

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// dial opens the connection of a call.
func (d *PythingsDevice) dial(ctx context.Context, addr string, secure bool) (net.Conn, error) {
	dialer := net.Dialer{Timeout: pythingsTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	var conn net.Conn = deviceConn{raw}
	if d.c.Faults.Cuts > 0 && d.rng.Float64() < d.c.Faults.Cuts {
		conn = &cutConn{Conn: conn, left: d.rng.IntN(cutWithin), clean: d.rng.IntN(cleanCuts) == 0}
	}
	if !secure {
		return conn, nil
	}
	records := &recordConn{Conn: conn, limit: d.recordLimit()}
	client := tls.Client(records, d.tlsConfig())
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if strings.HasPrefix(d.c.Platform, "esp32") {
		return strictConn{client, records}, nil
	}
	return client, nil
}

// tlsConfig is what a device offers: it checks no certificate and names no server.
func (d *PythingsDevice) tlsConfig() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10} // as devices do
	switch {
	case strings.HasPrefix(d.c.Platform, "esp8266"):
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA}
	case strings.HasPrefix(d.c.Platform, "esp32"):
		c.MaxVersion = tls.VersionTLS12
	}
	return c
}

// boardRecord is the longest TLS record, with its head, for which an ESP8266 has room.
const boardRecord = 5120

func (d *PythingsDevice) recordLimit() int {
	if strings.HasPrefix(d.c.Platform, "esp8266") {
		return boardRecord
	}
	return 0
}

// recordConn watches the TLS records that come in.
type recordConn struct {
	net.Conn
	limit int // of a record in bytes; 0: none
	head  []byte
	left  int  // bytes of the record under way
	last  byte // type of the newest record
}

const (
	recordHead  = 5
	recordAlert = 21
)

func (c *recordConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		if c.left > 0 {
			skip := min(c.left, len(rest))
			c.left -= skip
			rest = rest[skip:]
			continue
		}
		take := min(recordHead-len(c.head), len(rest))
		c.head, rest = append(c.head, rest[:take]...), rest[take:]
		if len(c.head) < recordHead {
			break
		}
		c.last, c.left, c.head = c.head[0], int(binary.BigEndian.Uint16(c.head[3:])), c.head[:0]
		if c.limit > 0 && c.left+recordHead > c.limit {
			return 0, fmt.Errorf("OSError: a TLS record of %d bytes is too long for this board", c.left+recordHead)
		}
	}
	return n, err
}

// strictConn takes the end of a connection for an error if nobody said that it ends.
type strictConn struct {
	net.Conn
	records *recordConn
}

func (c strictConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.EOF) && c.records.last != recordAlert {
		err = errors.New("OSError: the TLS connection ended without close_notify")
	}
	return n, err
}

// Where connections break.
const (
	cutWithin = 1200 // bytes of both ways
	cleanCuts = 4    // one of them ends the connection as a server would
)

var errCut = errors.New("OSError: [Errno 104] ECONNRESET")

// cutConn breaks after some bytes.
type cutConn struct {
	net.Conn
	left  int
	clean bool
}

func (c *cutConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, c.broken()
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

func (c *cutConn) Write(b []byte) (int, error) {
	if c.left < len(b) {
		_, _ = c.Conn.Write(b[:max(c.left, 0)])
		c.left = 0
		return 0, errCut
	}
	n, err := c.Conn.Write(b)
	c.left -= n
	return n, err
}

// broken is what the device sees of it.
func (c *cutConn) broken() error {
	if c.clean {
		return io.EOF
	}
	return errCut
}
