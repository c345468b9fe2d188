package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const canFlood = true

// flood drives all endpoints on one thread, which asks the system itself which
// of them have an answer (epoll). That takes half the CPU time of goroutines on
// the runtime's poller, and leaves it to the server.
func (p *posting) flood(ctx context.Context, ends []*coapEnd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make an epoll: %w", err)
	}
	defer unix.Close(poll) //nolint:errcheck // nothing can be lost
	sockets, err := takeOver(poll, ends)
	defer func() {
		for _, s := range sockets {
			_ = unix.Close(int(s))
		}
	}()
	if err != nil {
		return err
	}
	for i, e := range ends {
		e.compose(p.posters[i].next())
		if _, err := e.to.Write(e.out); err != nil {
			return fmt.Errorf("send CoAP request: %w", err)
		}
	}
	events := make([]unix.EpollEvent, 64)
	for looked := time.Now(); ctx.Err() == nil; {
		n, err := unix.EpollWait(poll, events, int(resend/4/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for CoAP answers: %w", err)
		}
		for _, ev := range events[:max(n, 0)] {
			if err := p.step(ends[ev.Fd], sockets[ev.Fd], &p.posters[ev.Fd]); err != nil {
				return err
			}
		}
		if time.Since(looked) > resend/4 {
			looked = time.Now()
			if err := p.again(ends); err != nil {
				return err
			}
		}
	}
	return nil
}

// socket is a connected UDP socket that does not block.
type socket int

func (s socket) Write(b []byte) (int, error) { return unix.Write(int(s), b) }

// takeOver takes the endpoints' sockets from the Go runtime, whose poller would
// look at each datagram too, and gives them to poll, named by their index.
func takeOver(poll int, ends []*coapEnd) (sockets []socket, err error) {
	for i, e := range ends {
		raw, err := e.conn.SyscallConn()
		if err != nil {
			return sockets, fmt.Errorf("take over a socket: %w", err)
		}
		own, failed := -1, error(nil)
		err = raw.Control(func(fd uintptr) { own, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
		if err = errors.Join(err, failed); err != nil {
			return sockets, fmt.Errorf("take over a socket: %w", err)
		}
		sockets = append(sockets, socket(own))
		_ = e.conn.Close()
		e.to = socket(own)
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, own, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			return sockets, fmt.Errorf("watch a socket: %w", err)
		}
	}
	return sockets, nil
}

// step reads one datagram of an endpoint. If it is the answer, the next request leaves.
func (p *posting) step(e *coapEnd, s socket, poster *poster) error {
	n, err := unix.Read(int(s), e.in)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read CoAP answer: %w", err)
	}
	code, done, err := e.digest(e.in[:n])
	if !done || err != nil {
		return err
	}
	poster.answered(code)
	e.compose(poster.next())
	_, err = e.to.Write(e.out)
	if errors.Is(err, unix.EAGAIN) {
		return nil // it leaves with those that are sent again
	}
	return err
}

// again sends what has been open for too long once more.
func (p *posting) again(ends []*coapEnd) error {
	now := time.Since(p.began)
	for i, e := range ends {
		switch open := now - p.posters[i].sent; {
		case open > attempts*resend:
			return errNoAnswer
		case open > resend:
			if _, err := e.to.Write(e.out); err != nil && !errors.Is(err, unix.EAGAIN) {
				return fmt.Errorf("send CoAP request: %w", err)
			}
		}
	}
	return nil
}
