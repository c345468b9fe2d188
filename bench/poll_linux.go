package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// canPoll tells that one thread can drive many sockets.
const canPoll = true

// socket is a connected socket that does not block.
type socket int

func (s socket) Write(b []byte) (int, error) { return unix.Write(int(s), b) }

// read reads what is there; 0 and no error: nothing.
func (s socket) read(b []byte) (int, error) {
	n, err := unix.Read(int(s), b)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	case n == 0 && err == nil:
		return 0, io.EOF // of a stream, or an empty datagram
	}
	return max(n, 0), err
}

// pollable is a connection that can be taken from the Go runtime.
type pollable interface {
	SyscallConn() (syscall.RawConn, error)
	Close() error
}

// poll drives sockets on one thread, which asks the system itself which of them
// have something to read (epoll). That takes half the CPU time of goroutines on
// the runtime's poller, and leaves it to the server. begin hears of every socket
// once, ready when there is something to read, idle every so often.
func poll[C pollable](ctx context.Context, conns []C, every time.Duration, begin func(i int, s socket) error, ready func(i int) error, idle func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make an epoll: %w", err)
	}
	defer unix.Close(epoll) //nolint:errcheck // nothing can be lost
	sockets, err := takeOver(epoll, conns)
	defer func() {
		for _, s := range sockets {
			_ = unix.Close(int(s))
		}
	}()
	if err != nil {
		return err
	}
	for i, s := range sockets {
		if err := begin(i, s); err != nil {
			return err
		}
	}
	events := make([]unix.EpollEvent, 64)
	for looked := time.Now(); ctx.Err() == nil; {
		n, err := unix.EpollWait(epoll, events, int(min(every, maxWait)/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for sockets: %w", err)
		}
		for _, ev := range events[:max(n, 0)] {
			if err := ready(int(ev.Fd)); err != nil {
				return err
			}
		}
		if time.Since(looked) > every {
			looked = time.Now()
			if err := idle(); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxWait is how long the end of a context may go unnoticed.
const maxWait = 100 * time.Millisecond

// takeOver takes the sockets from the Go runtime, whose poller would look at each
// of them too, and gives them to epoll, named by their index.
func takeOver[C pollable](epoll int, conns []C) (sockets []socket, err error) {
	for i, c := range conns {
		raw, err := c.SyscallConn()
		if err != nil {
			return sockets, fmt.Errorf("take over a socket: %w", err)
		}
		own, failed := -1, error(nil)
		err = raw.Control(func(fd uintptr) { own, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
		if err = errors.Join(err, failed); err != nil {
			return sockets, fmt.Errorf("take over a socket: %w", err)
		}
		sockets = append(sockets, socket(own))
		_ = c.Close()
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, own, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			return sockets, fmt.Errorf("watch a socket: %w", err)
		}
	}
	return sockets, nil
}
