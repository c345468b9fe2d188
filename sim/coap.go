package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// attempt is how long a node waits for the gateway to take a sign of life: two
// transmissions.
const attempt = 5 * time.Second

// padded is how long a RIOT node's padded values are.
const padded = 64

// coapNode is a CoAP server with an LED and sensors that makes itself known to
// a gateway (docs/protocols/pyaiot.md).
type coapNode struct {
	*device
	f   *Fleet
	i   int
	log *slog.Logger
}

// CoAP makes CoAP nodes. Faults of c come out at Run.
func CoAP(c Config) *Fleet {
	return newFleet(c, "sim-coap-", func(f *Fleet, d *device, i int) node {
		return &coapNode{device: d, f: f, i: i, log: f.log(d, string(roost.CoAP))}
	})
}

// coapLife is a node between boot and leaving.
type coapLife struct {
	*coapNode
	end     *exchange.Endpoint
	gateway netip.AddrPort
}

// live boots the node and plays it until ctx ends.
func (n *coapNode) live(ctx context.Context) error {
	gateway, err := resolve(n.f.c.To)
	if err != nil {
		return err
	}
	conn, err := n.listen(gateway.Addr())
	if err != nil {
		return fmt.Errorf("open the socket of %s: %w", n.id, err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written that could still be lost
	l := &coapLife{coapNode: n, gateway: gateway}
	l.end = exchange.New(n.leaky(conn), exchange.Config{
		Log: n.log, Handler: l.handle,
		Readers: 1, MaxDatagram: 4096, Duplicates: 64, DuplicateBytes: 64 << 10, Transfers: 4, Observers: 32,
	})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { l.beacon(ctx) })
	if slow, quick := n.sensed(); !n.f.c.Silent {
		parts.Go(func() { l.push(ctx, slow, n.f.c.Interval) })
		parts.Go(func() { l.push(ctx, quick, n.f.c.Interval/10) })
	}
	err = l.end.Run(ctx)
	stop()
	return err
}

// resolve finds the gateway's address; IPv4 is never mapped into IPv6.
func resolve(to string) (netip.AddrPort, error) {
	a, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("find gateway %s: %w", to, err)
	}
	at := a.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// listen opens the node's one socket: what it sends leaves from where it serves.
// Towards this machine it hears this machine only.
func (n *coapNode) listen(gateway netip.Addr) (*net.UDPConn, error) {
	at := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	switch {
	case n.f.c.HostEach:
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, byte(1 + n.i/254), byte(1 + n.i%254)}), 5683)
	case gateway.IsLoopback() && gateway.Is6():
		at = netip.AddrPortFrom(netip.IPv6Loopback(), 0)
	case gateway.IsLoopback():
		at = netip.MustParseAddrPort("127.0.0.1:0")
	case gateway.Is6():
		at = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	network := "udp4"
	if at.Addr().Is6() {
		network = "udp6"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
}

// leaky puts the node behind a line that loses datagrams, if it is to have one.
func (n *coapNode) leaky(conn *net.UDPConn) exchange.Conn {
	if n.f.c.Loss == 0 && n.f.c.Reorder == 0 {
		return conn
	}
	return &leakyConn{UDPConn: conn, dice: newDice(n.f, n.i)}
}

// beacon tells the gateway that the node has booted, and then from time to time
// that it is there. What goes unanswered is tried again soon.
func (l *coapLife) beacon(ctx context.Context) {
	alive, reset := "alive:"+l.id, "reset:"+l.id
	if l.f.c.Legacy {
		alive, reset = "Alive", "reset"
	}
	for _, word := range []string{reset, alive} {
		for failures := 0; !l.say(ctx, word); failures++ {
			if !pause(ctx, backOff(failures)) {
				return
			}
		}
	}
	if l.f.c.Silent {
		return
	}
	failures := 0
	for wait := l.f.c.Beacon; pause(ctx, wait); {
		if l.say(ctx, alive) {
			wait, failures = l.f.c.Beacon, 0
			continue
		}
		wait = min(backOff(failures), l.f.c.Beacon)
		failures++
	}
}

// say posts a sign of life; false: the gateway did not answer.
func (l *coapLife) say(ctx context.Context, word string) bool {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	answer, err := l.end.Do(ctx, l.gateway, exchange.Post("/alive", []byte(word)))
	switch {
	case err != nil:
		if !errors.Is(err, context.Canceled) {
			l.f.count.lost.Add(1)
			l.log.Debug("gateway does not answer", "remote", l.gateway, "err", err)
		}
		return false
	case !answer.Code.IsSuccess():
		l.f.count.refused.Add(1)
		l.log.Debug("gateway does not let the thing in", "remote", l.gateway, "code", answer.Code)
	default:
		l.f.count.joined.Add(1)
	}
	return true
}

// push tells values at every interval: to those who observe the resource, else
// by a POST to the gateway, not confirmable, as RIOT nodes do.
func (l *coapLife) push(ctx context.Context, resources []string, every time.Duration) {
	if len(resources) == 0 || !pause(ctx, rand.N(every)) {
		return
	}
	for first := true; first || pause(ctx, every); first = false {
		for _, r := range resources {
			l.tell(r)
		}
	}
}

func (l *coapLife) tell(resource string) {
	value, _ := l.value(resource, time.Now())
	if l.end.Notify("/"+resource, l.represent(resource, value)) > 0 {
		l.f.count.sent.Add(1)
		return
	}
	q := exchange.Post("/server", []byte(resource+":"+value))
	q.Type = coap.NonConfirmable
	q.Options.SetFormat(coap.TextPlain)
	if err := l.end.Send(l.gateway, q); err == nil {
		l.f.count.sent.Add(1)
	}
}

// represent is the answer to a read of a resource.
func (l *coapLife) represent(resource, value string) exchange.Response {
	payload := []byte(value)
	if l.f.c.Padding && len(payload) < padded {
		payload = append(payload, make([]byte, padded-len(payload))...)
	}
	a := exchange.Response{Code: coap.Content, Payload: payload, Observable: l.observable(resource)}
	a.Options.SetFormat(coap.TextPlain)
	return a
}

// observable tells whether a resource changes, by itself or by being set.
func (l *coapLife) observable(resource string) bool { return moving(resource) || resource == "led" }

// handle serves the node's resources.
func (l *coapLife) handle(_ context.Context, r *exchange.Request) exchange.Response {
	l.f.count.asked.Add(1)
	path := r.Options.Path()
	resource := path[1:]
	switch {
	case path == "/.well-known/core" && r.Code == coap.GET:
		return l.links()
	case !l.has(resource):
		return exchange.Response{Code: coap.NotFound}
	case r.Code == coap.GET:
		value, _ := l.value(resource, time.Now())
		return l.represent(resource, value)
	case r.Code == coap.PUT:
		return l.put(resource, string(r.Payload))
	}
	return exchange.Response{Code: coap.MethodNotAllowed}
}

// links lists the resources (RFC 6690).
func (l *coapLife) links() exchange.Response {
	links := make([]coap.Link, len(l.resources))
	for i, r := range l.resources {
		links[i] = coap.Link{Target: "/" + r, Attrs: []coap.Attr{{Name: "ct", Value: "0"}}}
		if l.observable(r) {
			links[i].Attrs = append(links[i].Attrs, coap.Attr{Name: "obs"})
		}
	}
	a := exchange.Response{Code: coap.Content, Payload: coap.AppendLinks(nil, links)}
	a.Options.SetFormat(coap.LinkFormat)
	return a
}

// put sets a resource, and says so in the words of the RIOT firmware.
func (l *coapLife) put(resource, value string) exchange.Response {
	switch err := l.set(resource, value); {
	case errors.Is(err, errReadOnly):
		l.f.count.declined.Add(1)
		return exchange.Response{Code: coap.MethodNotAllowed}
	case err != nil:
		l.f.count.declined.Add(1)
		return exchange.Response{Code: coap.BadRequest}
	}
	l.f.count.sets.Add(1)
	if l.observable(resource) {
		l.end.Notify("/"+resource, l.represent(resource, value))
	}
	switch {
	case l.f.c.Legacy && resource != "led":
		return exchange.Text(coap.Content, "Updated")
	case resource == "js" || resource == "text":
		return exchange.Response{Code: coap.Changed}
	}
	return exchange.Text(coap.Changed, resource+":"+value)
}
