package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// tlsFirst is the first byte of every TLS connection: a handshake record (RFC 8446, 5.1).
	tlsFirst = 0x16
	// firstBytePatience is how long a connection may stay without a word.
	firstBytePatience = 10 * time.Second
	// acceptPause is how long a listener rests after an error that will pass.
	acceptPause = 50 * time.Millisecond
	// certificateAge is how long a certificate is used before its file is looked at again.
	certificateAge = time.Minute
)

// certificate is a pair of PEM files, read again after they have changed, so that a
// renewal needs no restart.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	stamp   time.Time // of the newer of the files when pair was read
	checked time.Time
}

// loadCertificate reads both files. Neither named: nil.
func loadCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "":
		return nil, errors.New("--tls-key needs --tls-cert, the file with the certificate and those between it and its root")
	case key == "":
		return nil, errors.New("--tls-cert needs --tls-key, the file with the certificate's private key")
	}
	c := &certificate{cert: cert, key: key, log: log}
	if err := c.read(time.Now()); err != nil {
		return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", cert, key, err)
	}
	return c, nil
}

// read loads the pair; the caller holds c.mu or is alone.
func (c *certificate) read(now time.Time) error {
	c.checked = now
	stamp, err := newest(c.cert, c.key)
	if err != nil {
		return err
	}
	if c.pair != nil && stamp.Equal(c.stamp) {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.pair, c.stamp = &pair, stamp
	return nil
}

// newest gives the later of the times at which two files were written.
func newest(a, b string) (time.Time, error) {
	first, err := os.Stat(a)
	if err != nil {
		return time.Time{}, err
	}
	second, err := os.Stat(b)
	if err != nil {
		return time.Time{}, err
	}
	if second.ModTime().After(first.ModTime()) {
		return second.ModTime(), nil
	}
	return first.ModTime(), nil
}

// get gives the certificate of now; the old one when a new one cannot be read.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) > certificateAge {
		if err := c.read(now); err != nil {
			c.log.Error("certificate not read again; the old one stays", "file", c.cert, "err", err)
		}
	}
	return c.pair, nil
}

// config is what TLS doors use.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// eitherListener takes TLS and plain connections on one port, told apart by their
// first byte.
type eitherListener struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	ctx    context.Context // ends with the listener
	end    context.CancelCauseFunc
	work   sync.WaitGroup
}

// either wraps l. Its Close waits for the goroutines that it started.
func either(l net.Listener, config *tls.Config) net.Listener {
	e := &eitherListener{Listener: l, config: config, ready: make(chan net.Conn)}
	e.ctx, e.end = context.WithCancelCause(context.Background())
	e.work.Go(e.accept)
	return e
}

func (e *eitherListener) accept() {
	for {
		conn, err := e.Listener.Accept()
		if passes(err) {
			select {
			case <-time.After(acceptPause):
				continue
			case <-e.ctx.Done():
				return
			}
		}
		if err != nil {
			e.end(err)
			return
		}
		e.work.Go(func() { e.tell(conn) })
	}
}

// passes says that an error of Accept has its cause elsewhere: too many open files.
func passes(err error) bool {
	temporary, ok := err.(interface{ Temporary() bool })
	return ok && temporary.Temporary()
}

// tell waits for the first byte and hands the connection on.
func (e *eitherListener) tell(conn net.Conn) {
	stop := context.AfterFunc(e.ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(firstBytePatience)) // a failure shows in the read
	if e.ctx.Err() != nil {
		_ = conn.Close()
		return
	}
	first, conn, err := peek(conn)
	if err != nil || !stop() {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if first == tlsFirst {
		conn = tls.Server(conn, e.config)
	}
	select {
	case e.ready <- conn:
	case <-e.ctx.Done():
		_ = conn.Close()
	}
}

// Accept gives a *tls.Conn, its handshake not yet done, or the connection itself.
func (e *eitherListener) Accept() (net.Conn, error) {
	select {
	case conn := <-e.ready:
		return conn, nil
	case <-e.ctx.Done():
		return nil, context.Cause(e.ctx)
	}
}

// Close ends the listener and the connections that have not said anything.
func (e *eitherListener) Close() error {
	err := e.Listener.Close()
	e.end(net.ErrClosed)
	e.work.Wait()
	return err
}
