package coap

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
)

// route says by which port a node was reached.
type route uint8

const (
	unknown route = iota
	byNodePort
	bySource // the port that its greetings come from
)

// way is one address to try.
type way struct {
	route
	at netip.AddrPort
}

var errNoWay = errors.New("no way to the node")

// ways lists the addresses to try: the one that worked, or while that is not
// known NodePort and then the port of the greeting. Where several nodes share an
// address NodePort can only be one's, so it comes last.
func (n *node) ways() []way {
	remote, alone := n.door.nodes.where(n)
	n.mu.Lock()
	via := n.via
	n.mu.Unlock()
	usual := way{byNodePort, netip.AddrPortFrom(remote.Addr(), n.door.cfg.NodePort)}
	source := way{bySource, remote}
	order := []way{usual, source}
	if !alone {
		order = []way{source, usual}
	}
	if usual.at == source.at {
		order = order[:1]
	}
	var list []way
	for _, w := range order {
		if (w.route == byNodePort && w.at != remote && n.door.self.is(w.at)) || (via != unknown && via != w.route && len(order) > 1) {
			continue
		}
		list = append(list, w)
	}
	return list
}

// worked remembers the port that answered; unknown forgets it.
func (n *node) worked(r route) {
	n.mu.Lock()
	n.via = r
	n.mu.Unlock()
}

// address is where people are told that the node is: the port that answers, or
// while none is known to, that of its greeting.
func (n *node) address() string {
	remote, _ := n.door.nodes.where(n)
	n.mu.Lock()
	via := n.via
	n.mu.Unlock()
	if via == byNodePort {
		remote = netip.AddrPortFrom(remote.Addr(), n.door.cfg.NodePort)
	}
	return remote.String()
}

// ask sends a request to the node. While its port is not known, the second one is
// tried when the first has not answered for Config.Fallback: one after the other,
// since a PUT must not reach two nodes.
func (n *node) ask(ctx context.Context, r *exchange.Request) (exchange.Response, error) {
	ways := n.ways()
	err := errNoWay
	for i, w := range ways {
		try, stop := ctx, context.CancelFunc(func() {})
		if i < len(ways)-1 {
			try, stop = context.WithTimeout(ctx, n.door.cfg.Fallback)
		}
		var a exchange.Response
		a, err = n.door.end.Do(try, w.at, r)
		stop()
		if err == nil {
			n.worked(w.route)
			return a, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		n.worked(unknown)
	}
	return exchange.Response{}, err
}

// find reads a resource by whatever way answers, the second one started when the
// first has been silent for Config.Fallback. It is for GET only. It gives the
// address that answered.
func (n *node) find(ctx context.Context, name string) (exchange.Response, netip.AddrPort, error) {
	type answer struct {
		way
		exchange.Response
		err error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ways := n.ways()
	came := make(chan answer, len(ways))
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stop()
	next, open := 0, 0
	start := func() {
		if next < len(ways) {
			w := ways[next]
			next, open = next+1, open+1
			asking.Go(func() {
				a, err := n.door.end.Do(ctx, w.at, request(codeGET, name, nil))
				came <- answer{w, a, err}
			})
		}
	}
	start()
	patience := time.NewTimer(n.door.cfg.Fallback)
	defer patience.Stop()
	err := errNoWay
	for open > 0 {
		select {
		case <-patience.C:
			start()
		case a := <-came:
			open--
			if a.err == nil {
				n.worked(a.route)
				return a.Response, a.at, nil
			}
			err = a.err
			start()
		}
	}
	n.worked(unknown)
	return exchange.Response{}, netip.AddrPort{}, err
}

// self knows the addresses of this server's own socket: with nodes on the same
// machine, NodePort may be the door itself.
type self struct {
	local netip.AddrPort // not valid: the socket does not say

	mu    sync.Mutex
	own   map[netip.Addr]bool
	asked time.Time
}

func newSelf(conn exchange.Conn) *self {
	s := new(self)
	if c, ok := conn.(interface{ LocalAddr() net.Addr }); ok {
		if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
			ap := a.AddrPort()
			s.local = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
		}
	}
	return s
}

// is tells that a is where this server itself listens.
func (s *self) is(a netip.AddrPort) bool {
	switch {
	case !s.local.IsValid() || a.Port() != s.local.Port():
		return false
	case !s.local.Addr().IsUnspecified():
		return a.Addr() == s.local.Addr()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.asked) > time.Minute {
		s.asked, s.own = time.Now(), map[netip.Addr]bool{}
		list, _ := net.InterfaceAddrs() // none: then nothing is known to be ours
		for _, i := range list {
			if p, err := netip.ParsePrefix(i.String()); err == nil {
				s.own[p.Addr().Unmap()] = true
			}
		}
	}
	return s.own[a.Addr().WithZone("")]
}
