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
	guest    bool // it was dialled by somebody else
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
func (k *socket) connect(ctx context.Context, dial dialFunc, address string) {
	conn, err := dial(ctx, "tcp", address)
	k.owner.mu.Lock()
	switch {
	case err != nil:
		k.errno = errno(err)
	case k.owner.off || k.closed || k.errno != 0: // it was given up meanwhile
		_ = conn.Close()
	default:
		k.open(conn)
	}
	k.owner.changed()
	k.owner.mu.Unlock()
}

// settled tells whether nothing is under way to or from the board here, and whether that
// can be known; owner.mu is held.
func (k *socket) settled() (settled, known bool) {
	var other Settled
	switch {
	case k.errno != 0 || k.ended:
		return true, true
	case k.listener != nil:
		other, known = k.listener.(Settled)
	case k.conn != nil:
		other, known = k.conn.(Settled)
	default:
		return false, k.packets == nil
	}
	full := len(k.in) > socketBuffer*3/4 // nobody reads what has come
	return known && len(k.out) == 0 && len(k.accepted) == 0 && (full || other.Settled()), known
}

// open starts to serve conn; owner.mu is held.
func (k *socket) open(conn net.Conn) {
	k.conn = conn
	k.owner.running.Go(k.receive)
	k.owner.running.Go(k.send)
}

func (k *socket) receive() {
	chunk := make([]byte, socketBuffer/4)
	for {
		n, err := k.conn.Read(chunk)
		k.owner.mu.Lock()
		for len(k.in)+n > socketBuffer && !k.closed && !k.owner.off {
			k.owner.moved.Wait()
		}
		if !k.closed {
			k.in = append(k.in, chunk[:n]...)
		}
		if err != nil {
			k.ended = true
			if !errors.Is(err, io.EOF) && k.errno == 0 {
				k.errno = errno(err)
			}
		}
		k.owner.changed() // before anybody can think that nothing has come
		k.owner.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send writes what waits; when the program has closed, and all is written, it
// closes the connection.
func (k *socket) send() {
	k.owner.mu.Lock()
	defer k.owner.mu.Unlock()
	defer delete(k.owner.leaving, k)
	defer k.conn.Close()
	for {
		for len(k.out) == 0 && !k.closed && k.errno == 0 && !k.owner.off {
			k.owner.moved.Wait()
		}
		if len(k.out) == 0 || k.errno != 0 || k.owner.off {
			return
		}
		chunk := k.out
		k.owner.mu.Unlock()
		_, err := k.conn.Write(chunk)
		k.owner.mu.Lock()
		k.out = k.out[len(chunk):]
		if err != nil && k.errno == 0 {
			k.errno = errno(err)
		}
		k.owner.changed()
	}
}

func (k *socket) accept() {
	for {
		conn, err := k.listener.Accept()
		k.owner.mu.Lock()
		if err != nil {
			if k.errno == 0 {
				k.errno = errno(err)
			}
			k.owner.mu.Unlock()
			k.owner.changed()
			return
		}
		if k.closed || k.owner.off || len(k.accepted) >= k.backlog {
			_ = conn.Close()
		} else {
			k.accepted = append(k.accepted, conn)
		}
		k.owner.mu.Unlock()
		k.owner.changed()
	}
}

// ready is what select.poll would tell; owner.mu is held.
func (k *socket) ready() (events int) {
	if k.errno != 0 {
		return pollErr | pollIn | pollOut
	}
	if len(k.in) > 0 || k.ended || len(k.accepted) > 0 || len(k.came) > 0 {
		events |= pollIn
	}
	if k.ended {
		events |= pollHup
	}
	if k.conn != nil && len(k.out) < socketBuffer || k.packets != nil {
		events |= pollOut
	}
	return events
}

// shut lets go of it; owner.mu is held. What was written still leaves, unless
// abort.
func (k *socket) shut(abort bool) {
	k.closed = true
	for _, conn := range k.accepted {
		_ = conn.Close()
	}
	k.accepted = nil
	if k.listener != nil {
		_ = k.listener.Close()
	}
	if k.packets != nil {
		_ = k.packets.Close()
	}
	if k.conn != nil && (abort || len(k.out) == 0) {
		_ = k.conn.Close()
	} else if k.conn != nil {
		_ = k.conn.SetWriteDeadline(time.Now().Add(lingering))
		k.owner.leaving[k] = true
	}
	k.owner.moved.Broadcast()
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
