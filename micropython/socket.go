package micropython

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// socket is a connection, a listener, or one of UDP. Goroutines move bytes between the
// connection and its buffers; the program only ever sees the buffers.
type socket struct {
	owner *sockets

	// Guarded by owner.mu; changed is its condition.
	conn     net.Conn // nil while it is dialled, and of a listener
	listener net.Listener
	accepted []net.Conn
	backlog  int
	in, out  []byte // at most socketBuffer each
	ended    bool   // nothing more comes
	closed   bool   // by the program; what is in out still goes
	errno    int32  // what broke it; 0: nothing

	packets net.PacketConn // of UDP; then it has none of the others
	came    []datagram
	from    string // whom the last one read was of
}

// What a board's TCP keeps for a connection in either direction.
const socketBuffer = 4096

// lingering is how long what was written before a close may take to leave.
const lingering = 30 * time.Second

// Error numbers of sockets, positive as Python shows them.
const (
	errnoAgain       = 11
	errnoTooMany     = 23
	errnoDenied      = 13
	errnoReset       = 104
	errnoNotConn     = 107
	errnoRefused     = 111
	errnoUnreachable = 113
	errnoInUse       = 112 // lwIP's EADDRINUSE
	errnoAborted     = 103
)

// Readiness, as select.poll tells it.
const (
	pollIn  = 1
	pollOut = 4
	pollErr = 8
	pollHup = 16
)

// connect dials and then serves the connection.
func (s *socket) connect(ctx context.Context, dial dialFunc, address string) {
	conn, err := dial(ctx, "tcp", address)
	s.owner.mu.Lock()
	switch {
	case err != nil:
		s.errno = errno(err)
	case s.owner.off || s.closed || s.errno != 0: // it was given up meanwhile
		_ = conn.Close()
	default:
		s.open(conn)
	}
	s.owner.mu.Unlock()
	s.owner.changed()
}

// open starts to serve conn; owner.mu is held.
func (s *socket) open(conn net.Conn) {
	s.conn = conn
	s.owner.running.Go(s.receive)
	s.owner.running.Go(s.send)
}

func (s *socket) receive() {
	chunk := make([]byte, socketBuffer/4)
	for {
		n, err := s.conn.Read(chunk)
		s.owner.mu.Lock()
		for len(s.in)+n > socketBuffer && !s.closed && !s.owner.off {
			s.owner.moved.Wait()
		}
		if !s.closed {
			s.in = append(s.in, chunk[:n]...)
		}
		if err != nil {
			s.ended = true
			if !errors.Is(err, io.EOF) && s.errno == 0 {
				s.errno = errno(err)
			}
		}
		s.owner.mu.Unlock()
		s.owner.changed()
		if err != nil {
			return
		}
	}
}

// send writes what waits; when the program has closed, and all is written, it
// closes the connection.
func (s *socket) send() {
	s.owner.mu.Lock()
	defer s.owner.mu.Unlock()
	defer delete(s.owner.leaving, s)
	defer s.conn.Close()
	for {
		for len(s.out) == 0 && !s.closed && s.errno == 0 && !s.owner.off {
			s.owner.moved.Wait()
		}
		if len(s.out) == 0 || s.errno != 0 || s.owner.off {
			return
		}
		chunk := s.out
		s.owner.mu.Unlock()
		_, err := s.conn.Write(chunk)
		s.owner.mu.Lock()
		s.out = s.out[len(chunk):]
		if err != nil && s.errno == 0 {
			s.errno = errno(err)
		}
		s.owner.mu.Unlock()
		s.owner.changed()
		s.owner.mu.Lock()
	}
}

func (s *socket) accept() {
	for {
		conn, err := s.listener.Accept()
		s.owner.mu.Lock()
		if err != nil {
			if s.errno == 0 {
				s.errno = errno(err)
			}
			s.owner.mu.Unlock()
			s.owner.changed()
			return
		}
		if s.closed || s.owner.off || len(s.accepted) >= s.backlog {
			_ = conn.Close()
		} else {
			s.accepted = append(s.accepted, conn)
		}
		s.owner.mu.Unlock()
		s.owner.changed()
	}
}

// ready is what select.poll would tell; owner.mu is held.
func (s *socket) ready() (events int) {
	if s.errno != 0 {
		return pollErr | pollIn | pollOut
	}
	if len(s.in) > 0 || s.ended || len(s.accepted) > 0 || len(s.came) > 0 {
		events |= pollIn
	}
	if s.ended {
		events |= pollHup
	}
	if s.conn != nil && len(s.out) < socketBuffer || s.packets != nil {
		events |= pollOut
	}
	return events
}

// shut lets go of it; owner.mu is held. What was written still leaves, unless
// abort.
func (s *socket) shut(abort bool) {
	s.closed = true
	for _, conn := range s.accepted {
		_ = conn.Close()
	}
	s.accepted = nil
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.packets != nil {
		_ = s.packets.Close()
	}
	if s.conn != nil && (abort || len(s.out) == 0) {
		_ = s.conn.Close()
	} else if s.conn != nil {
		_ = s.conn.SetWriteDeadline(time.Now().Add(lingering))
		s.owner.leaving[s] = true
	}
	s.owner.moved.Broadcast()
}

// errno is what a board would call err.
func errno(err error) int32 {
	var number Errno
	var dns *net.DNSError
	switch {
	case errors.As(err, &number):
		return int32(number)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errnoRefused
	case errors.Is(err, syscall.EADDRINUSE):
		return errnoInUse
	case errors.Is(err, syscall.EACCES):
		return errnoDenied
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errnoReset
	case errors.As(err, &dns):
		return -2
	case errors.Is(err, net.ErrClosed):
		return errnoAborted
	}
	return errnoUnreachable
}

// Errno is an error number that a hook of BoardConfig wants Python to see in
// an OSError, such as 113 for "no route to host".
type Errno int32

func (Errno) Error() string { return "refused to the board" }
