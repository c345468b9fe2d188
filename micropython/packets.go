package micropython

import (
	"context"
	"net"
	"net/netip"
)

// datagram is one that came and was not read yet.
type datagram struct {
	data []byte
	from string
}

// mostDatagrams is how many a board keeps; more are lost, as they may be.
const mostDatagrams = 16

// open is sock_packets(host, port): a socket of UDP.
func (s *sockets) open(ctx context.Context, args []any) (any, error) {
	if s.packets == nil {
		return -errnoDenied, nil
	}
	conn, err := s.packets(ctx, "udp", address(args))
	if err != nil {
		return -int(errno(err)), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.by) >= mostSockets {
		_ = conn.Close()
		return -errnoTooMany, nil
	}
	k := &socket{owner: s, packets: conn}
	s.running.Go(k.receivePackets)
	return s.add(k), nil
}

func (k *socket) receivePackets() {
	packet := make([]byte, 64<<10)
	for {
		n, from, err := k.packets.ReadFrom(packet)
		k.owner.mu.Lock()
		gone := k.closed || k.owner.off
		switch {
		case err != nil && k.errno == 0:
			k.errno = errno(err)
		case err == nil && !gone && len(k.came) < mostDatagrams:
			k.came = append(k.came, datagram{data: append([]byte(nil), packet[:n]...), from: from.String()})
		}
		k.owner.mu.Unlock()
		k.owner.changed()
		if err != nil || gone {
			return
		}
	}
}

// sendTo is sock_sendto(id, address, length, host, port). Hosts are numbers:
// nothing is looked up here.
func sendTo(v *VM, k *socket, args []any) any {
	data, ok := v.module.Memory().Read(uint32(number(args, 1)), uint32(number(args, 2)))
	if !ok || k.packets == nil {
		return badFile
	}
	host, _ := args[3].(string)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return -errnoUnreachable
	}
	if !k.owner.online() {
		return -errnoUnreachable
	}
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(number(args, 4))))
	n, err := k.packets.WriteTo(data, to)
	if err != nil {
		return -int(errno(err))
	}
	return n
}

// receiveFrom is sock_recvfrom(id, address, length); sock_from tells of whom.
func receiveFrom(v *VM, k *socket, args []any) any {
	into, ok := v.module.Memory().Read(uint32(number(args, 1)), uint32(number(args, 2)))
	switch {
	case !ok || k.packets == nil:
		return badFile
	case len(k.came) == 0 && k.errno != 0:
		return -int(k.errno)
	case len(k.came) == 0:
		return -errnoAgain
	}
	first := k.came[0]
	k.came, k.from = k.came[1:], first.from
	return copy(into, first.data)
}
