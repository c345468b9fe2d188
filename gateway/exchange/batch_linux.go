package exchange

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch reads the datagrams that have come to a socket in one system call, and writes
// the answers to them in another. It belongs to one goroutine.
type batch struct {
	raw   syscall.RawConn
	room  []byte            // for what is read; not the garbage collector's
	zones map[uint32]string // names of interfaces, by index

	in    []mmsghdr // of what is read; their buffers are set once
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet6 // who sent what; large enough for IPv4, too
	came  int
	err   error

	text  []byte // of all answers
	spots []spot
	out   []mmsghdr
	parts []unix.Iovec
	sent  int // of out

	receive, transmit func(fd uintptr) bool // made once
}

// mmsghdr is C's: one datagram of several.
type mmsghdr struct {
	head unix.Msghdr
	size uint32 // of the datagram that came
}

// spot is where an answer lies in text, and which datagram it answers.
type spot struct{ of, from, to int }

// mostBatch bounds the buffers of one reader, in bytes. They are of the system, not of the
// heap: where nothing ever came so long, pages are not touched and take no memory.
const mostBatch = 1 << 20

// newBatch makes one for up to n datagrams of up to size bytes; nil if that is one only,
// or conn cannot do it. It is to be closed.
func newBatch(conn Conn, n, size int) *batch {
	udp, ok := conn.(*net.UDPConn)
	n = min(n, mostBatch/size)
	if !ok || n < 2 {
		return nil
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil
	}
	room, err := unix.Mmap(-1, 0, n*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	b := &batch{
		raw: raw, room: room, in: make([]mmsghdr, n), iovs: make([]unix.Iovec, n), names: make([]unix.RawSockaddrInet6, n),
		out: make([]mmsghdr, n), parts: make([]unix.Iovec, n), spots: make([]spot, 0, n),
	}
	for i := range b.in {
		b.iovs[i].Base = &room[i*size]
		b.iovs[i].SetLen(size)
		b.in[i].head.Iov = &b.iovs[i]
		b.in[i].head.SetIovlen(1)
		b.in[i].head.Name = (*byte)(unsafe.Pointer(&b.names[i]))
	}
	b.receive, b.transmit = b.recvmmsg, b.sendmmsg
	return b
}

// close gives the buffers back: what datagram gave is gone then.
func (b *batch) close() { _ = unix.Munmap(b.room) }

// read waits for datagrams and gives how many came. errNoBatch: the system has no such
// call for us.
func (b *batch) read() (int, error) {
	b.err = nil
	if err := b.raw.Read(b.receive); err != nil {
		return 0, err
	}
	if errors.Is(b.err, unix.ENOSYS) || errors.Is(b.err, unix.EPERM) {
		return 0, errNoBatch
	}
	return b.came, b.err
}

// recvmmsg takes what is there; false: nothing is.
func (b *batch) recvmmsg(fd uintptr) bool {
	for i := range b.in {
		b.in[i].head.Namelen = unix.SizeofSockaddrInet6
	}
	b.came, b.err = mmsg(unix.SYS_RECVMMSG, fd, b.in)
	return !errors.Is(b.err, unix.EAGAIN)
}

// datagram gives one of those that read has read, good until the next read.
func (b *batch) datagram(i int) ([]byte, netip.AddrPort) {
	return unsafe.Slice(b.iovs[i].Base, b.in[i].size), b.remote(&b.names[i])
}

func (b *batch) remote(name *unix.RawSockaddrInet6) netip.AddrPort {
	if name.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), inNetOrder(four.Port))
	}
	addr := netip.AddrFrom16(name.Addr)
	if name.Scope_id != 0 && !addr.Is4In6() {
		addr = addr.WithZone(b.zone(name.Scope_id))
	}
	return netip.AddrPortFrom(addr, inNetOrder(name.Port))
}

// inNetOrder reads a port as it lies in memory.
func inNetOrder(port uint16) uint16 {
	p := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(p[0])<<8 | uint16(p[1])
}

// zone names an interface as package net does.
func (b *batch) zone(index uint32) string {
	if name, ok := b.zones[index]; ok {
		return name
	}
	name := strconv.Itoa(int(index))
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		name = i.Name
	}
	if b.zones == nil || len(b.zones) > 64 { // interfaces come and go
		b.zones = map[uint32]string{}
	}
	b.zones[index] = name
	return name
}

// answer keeps what is to be sent to whom datagram i came from, until flush.
func (b *batch) answer(i int, text []byte) {
	if len(text) == 0 {
		return
	}
	from := len(b.text)
	b.text = append(b.text, text...)
	b.spots = append(b.spots, spot{i, from, len(b.text)})
}

// full tells that a flush is due.
func (b *batch) full() bool { return len(b.spots) == len(b.out) || len(b.text) > 64<<10 }

// flush sends the answers. failed is how many could not be sent: they are lost as if on
// their way.
func (b *batch) flush() (failed int) {
	for i, s := range b.spots {
		b.parts[i].Base = &b.text[s.from]
		b.parts[i].SetLen(s.to - s.from)
		asked := &b.in[s.of].head
		b.out[i].head = unix.Msghdr{Name: asked.Name, Namelen: asked.Namelen, Iov: &b.parts[i]}
		b.out[i].head.SetIovlen(1)
	}
	for b.sent = 0; b.sent < len(b.spots); {
		if err := b.raw.Write(b.transmit); err != nil { // the socket is closed
			failed += len(b.spots) - b.sent
			break
		}
		if b.err != nil { // of the first that is left; the others may go
			failed++
			b.sent++
		}
	}
	b.spots, b.text = b.spots[:0], b.text[:0]
	if cap(b.text) > 256<<10 {
		b.text = nil
	}
	return failed
}

// sendmmsg sends what goes; false: the socket takes nothing at the moment.
func (b *batch) sendmmsg(fd uintptr) bool {
	n, err := mmsg(unix.SYS_SENDMMSG, fd, b.out[b.sent:len(b.spots)])
	if errors.Is(err, unix.EAGAIN) {
		return false
	}
	b.sent, b.err = b.sent+n, err
	return true
}

// mmsg makes one of the two calls. n is 0 with an error.
func mmsg(call, fd uintptr, list []mmsghdr) (n int, err error) {
	for {
		done, _, errno := syscall.Syscall6(call, fd, uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(done), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
