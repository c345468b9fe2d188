package micropython

import (
	"context"
	"iter"
	"maps"
	"net"
	"strconv"
	"sync"
)

type (
	dialFunc   func(ctx context.Context, network, address string) (net.Conn, error)
	listenFunc func(ctx context.Context, network, address string) (net.Listener, error)
	packetFunc func(ctx context.Context, network, address string) (net.PacketConn, error)
)

// sockets are those of one board, from one reset to the next.
type sockets struct {
	dial    dialFunc
	listen  listenFunc
	packets packetFunc
	online  func() bool
	wake    chan struct{} // has room for one: something changed
	stop    context.CancelFunc
	ctx     context.Context // of what is dialled; ends at close

	running sync.WaitGroup
	mu      sync.Mutex
	moved   *sync.Cond // something changed
	by      map[int]*socket
	leaving map[*socket]bool // closed by the program, but not all is sent
	last    int
	off     bool
}

// mostSockets is what lwIP has on small boards.
const mostSockets = 16

func newSockets(c *BoardConfig, online func() bool) *sockets {
	s := &sockets{dial: c.Dial, listen: c.Listen, packets: c.ListenPacket, online: online, wake: make(chan struct{}, 1), by: map[int]*socket{}, leaving: map[*socket]bool{}}
	s.moved = sync.NewCond(&s.mu)
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// close cuts all connections, as a reset does.
func (s *sockets) close() {
	s.stop()
	s.mu.Lock()
	s.off = true
	for _, k := range s.by {
		k.shut(true)
	}
	for k := range s.leaving {
		k.shut(true)
	}
	s.moved.Broadcast()
	s.mu.Unlock()
	s.running.Wait()
}

// abort breaks all connections, as lost Wi-Fi does; listeners and UDP stay. With an access
// point on, those who dialled the board are in that one's network, and stay.
func (s *sockets) abort(point bool) {
	s.mu.Lock()
	for _, k := range s.by {
		if k.listener == nil && k.packets == nil && !(point && k.guest) {
			k.errno = errnoAborted
			if k.conn != nil {
				_ = k.conn.Close()
			}
		}
	}
	s.mu.Unlock()
	s.changed()
}

func (s *sockets) changed() {
	s.moved.Broadcast()
	signal(s.wake)
}

// settled tells whether nothing is under way to or from the board, and whether that can
// be known of all that is open.
func (s *sockets) settled() (settled, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	settled, known = true, true
	for _, all := range []iter.Seq[*socket]{maps.Values(s.by), maps.Keys(s.leaving)} {
		for k := range all {
			is, can := k.settled()
			settled, known = settled && is, known && can
		}
	}
	return settled && known, known
}

// add keeps a socket; mu is held.
func (s *sockets) add(k *socket) int {
	s.last++
	s.by[s.last] = k
	return s.last
}

func address(args []any) string {
	host, _ := args[0].(string)
	return net.JoinHostPort(host, strconv.Itoa(number(args, 1)))
}

// functions are what socket.py asks for. None of them blocks. A negative
// result is an error number.
func (s *sockets) functions() map[string]Func {
	functions := map[string]Func{
		"sock_connect": s.connect, "sock_listen": s.bind, "sock_packets": s.open,
		"online": func(context.Context, []any) (any, error) { return s.online(), nil },
	}
	for name, f := range map[string]func(v *VM, k *socket, args []any) any{
		"sock_accept": accept, "sock_recv": receive, "sock_send": send, "sock_sendto": sendTo, "sock_recvfrom": receiveFrom,
		"sock_from":  func(_ *VM, k *socket, _ []any) any { return k.from },
		"sock_ready": func(_ *VM, k *socket, _ []any) any { return k.ready() },
		"sock_errno": func(_ *VM, k *socket, _ []any) any { return int(k.errno) },
		"sock_peer":  func(_ *VM, k *socket, _ []any) any { return k.peer() },
		"sock_name":  func(_ *VM, k *socket, _ []any) any { return k.name() },
		"sock_close": func(_ *VM, k *socket, args []any) any {
			delete(s.by, number(args, 0))
			k.shut(false)
			return nil
		},
	} {
		functions[name] = func(ctx context.Context, args []any) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			k := s.by[number(args, 0)]
			if k == nil {
				return badFile, nil
			}
			return f(ctx.Value(instanceKey{}).(*VM), k, args), nil
		}
	}
	return functions
}

// connect is sock_connect(host, port).
func (s *sockets) connect(_ context.Context, args []any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.by) >= mostSockets:
		return -errnoTooMany, nil
	case !s.online():
		return -errnoUnreachable, nil
	case s.dial == nil:
		return -errnoRefused, nil
	}
	k := &socket{owner: s}
	s.running.Go(func() { k.connect(s.ctx, s.dial, address(args)) })
	return s.add(k), nil
}

// bind is sock_listen(host, port, backlog).
func (s *sockets) bind(ctx context.Context, args []any) (any, error) {
	if s.listen == nil {
		return -errnoDenied, nil
	}
	l, err := s.listen(ctx, "tcp", address(args))
	if err != nil {
		return -int(errno(err)), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) >= mostSockets {
		_ = l.Close()
		return -errnoTooMany, nil
	}
	k := &socket{owner: s, listener: l, backlog: min(max(number(args, 2), 1), mostSockets)}
	s.running.Go(k.accept)
	return s.add(k), nil
}

// accept is sock_accept(id).
func accept(_ *VM, k *socket, _ []any) any {
	switch {
	case len(k.accepted) == 0 && k.errno != 0:
		return -int(k.errno)
	case len(k.accepted) == 0:
		return -errnoAgain
	case len(k.owner.by) >= mostSockets:
		return -errnoTooMany
	}
	conn := k.accepted[0]
	k.accepted = k.accepted[1:]
	got := &socket{owner: k.owner, guest: true}
	got.open(conn)
	return k.owner.add(got)
}

// receive is sock_recv(id, address, length). 0 is the end.
func receive(v *VM, k *socket, args []any) any {
	into, ok := v.module.Memory().Read(uint32(number(args, 1)), uint32(number(args, 2)))
	switch {
	case !ok:
		return badFile
	case len(k.in) > 0:
		n := copy(into, k.in)
		k.in = k.in[n:]
		k.owner.moved.Broadcast()
		return n
	case k.errno != 0:
		return -int(k.errno)
	case k.ended:
		return 0
	case k.conn == nil:
		return -errnoNotConn
	}
	return -errnoAgain
}

// send is sock_send(id, address, length): how much there was room for.
func send(v *VM, k *socket, args []any) any {
	from, ok := v.module.Memory().Read(uint32(number(args, 1)), uint32(number(args, 2)))
	switch {
	case !ok:
		return badFile
	case k.errno != 0:
		return -int(k.errno)
	case k.conn == nil:
		return -errnoNotConn
	}
	n := min(len(from), socketBuffer-len(k.out))
	if n == 0 && len(from) > 0 {
		return -errnoAgain
	}
	k.out = append(k.out[:len(k.out):len(k.out)], from[:n]...)
	k.owner.moved.Broadcast()
	return n
}

func (k *socket) peer() string {
	if k.conn == nil {
		return ""
	}
	return k.conn.RemoteAddr().String()
}

func (k *socket) name() string {
	switch {
	case k.packets != nil:
		return k.packets.LocalAddr().String()
	case k.listener != nil:
		return k.listener.Addr().String()
	case k.conn != nil:
		return k.conn.LocalAddr().String()
	}
	return ""
}
