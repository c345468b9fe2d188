package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// What ends a session of an MQTT-SN node.
var (
	errRefused  = errors.New("gateway refuses")
	errNoAnswer = errors.New("gateway does not answer")
)

// emcute's patience: how long it waits for an answer, and how often it then asks again.
const (
	emcuteWaits   = 10 * time.Second
	emcuteRepeats = 3
)

// firstID is the message id that emcute begins with.
const firstID = 0x1234

// snLine is emcute: one request is open at a time, ids count over all of them, and a
// topic is registered before every PUBLISH.
type snLine struct {
	n       *mqttsnNode
	socket  *net.UDPConn
	conn    snConn
	gateway netip.AddrPort
	handle  func(mqttsn.Publish) mqttsn.ReturnCode
	stop    func() bool
	gone    chan struct{} // closed when goodbye is said
	waits   time.Duration
	next    uint16 // message id
	pinged  time.Time
	in, out []byte
}

type snConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// newSNLine opens a socket. When ctx ends it says goodbye and closes it.
func newSNLine(ctx context.Context, n *mqttsnNode, network string, at *net.UDPAddr, gateway netip.AddrPort) (*snLine, error) {
	socket, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, fmt.Errorf("open the socket of %s: %w", n.id, err)
	}
	l := &snLine{
		n: n, socket: socket, conn: socket, gateway: gateway, next: firstID, pinged: time.Now(),
		waits: min(emcuteWaits, max(2*n.f.c.Interval, 500*time.Millisecond)), in: make([]byte, 2048), gone: make(chan struct{}),
	}
	if n.f.c.Loss > 0 || n.f.c.Reorder > 0 {
		l.conn = &leakyConn{UDPConn: socket, dice: newDice(n.f, n.i)}
	}
	l.stop = context.AfterFunc(ctx, func() {
		defer close(l.gone)
		goodbye, _ := mqttsn.Disconnect{}.Append(nil)
		_, _ = socket.WriteToUDPAddrPort(goodbye, gateway) // who does not hear it finds out
		_ = socket.Close()
	})
	return l, nil
}

func (l *snLine) hangUp() {
	if l.stop() {
		_ = l.socket.Close()
		return
	}
	<-l.gone
}

func (l *snLine) nextID() uint16 {
	id := l.next
	l.next++
	return id
}

func refused(c mqttsn.ReturnCode) error {
	if c != mqttsn.Accepted {
		return fmt.Errorf("%w: %v", errRefused, c)
	}
	return nil
}

// send sends a frame. What the system does not take is lost on the way.
func (l *snLine) send(m mqttsn.Message) error {
	out, err := m.Append(l.out[:0])
	l.out = out[:0]
	if err != nil {
		return err
	}
	_, _ = l.conn.WriteToUDPAddrPort(out, l.gateway)
	return nil
}

// request sends a frame until is says that an answer is its.
func (l *snLine) request(ctx context.Context, m mqttsn.Message, is func(mqttsn.Message) (bool, error)) error {
	for range emcuteRepeats + 1 {
		if err := l.send(m); err != nil {
			return err
		}
		for until := time.Now().Add(l.waits); ; {
			a, err := l.receive(ctx, until)
			if err != nil {
				return err
			}
			if a == nil {
				break // time is over
			}
			if answered, err := is(a); answered {
				return err
			}
		}
	}
	return fmt.Errorf("%w %v", errNoAnswer, m.Type())
}

// listen hears what comes for a while, and pings when it is time.
func (l *snLine) listen(ctx context.Context, wait time.Duration) error {
	if time.Since(l.pinged) >= keepAlive*time.Second {
		l.pinged = time.Now()
		if err := l.send(mqttsn.Pingreq{}); err != nil {
			return err
		}
	}
	for until := time.Now().Add(max(wait, 0)); ; {
		m, err := l.receive(ctx, until)
		if m == nil || err != nil {
			return err
		}
		switch m.(type) {
		case mqttsn.Publish:
			return nil // there may be something to say
		case mqttsn.Disconnect:
			return errRefused // emcute would not care
		}
	}
}

// receive waits for a frame, nil when the time is over. What needs no thought is
// answered.
func (l *snLine) receive(ctx context.Context, until time.Time) (mqttsn.Message, error) {
	if err := l.socket.SetReadDeadline(until); err != nil {
		return nil, err
	}
	for {
		n, from, err := l.conn.ReadFromUDPAddrPort(l.in)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil || from.Port() != l.gateway.Port():
			continue
		}
		m, err := mqttsn.Parse(l.in[:n])
		if err != nil {
			continue
		}
		switch m := m.(type) {
		case mqttsn.Pingreq:
			err = l.send(mqttsn.Pingresp{})
		case mqttsn.Publish:
			if code := l.handle(m); code != mqttsn.Accepted || m.QoS == mqttsn.QoS1 {
				err = l.send(mqttsn.Puback{Topic: m.Topic, MsgID: m.MsgID, Code: code})
			}
		}
		return m, err
	}
}

// publish registers a topic and says something that holds so many values.
func (l *snLine) publish(ctx context.Context, topic, payload string, values uint64) error {
	var id uint16
	msg := l.nextID()
	err := l.request(ctx, mqttsn.Register{MsgID: msg, Name: topic}, func(m mqttsn.Message) (bool, error) {
		a, ok := m.(mqttsn.Regack)
		id = a.TopicID
		return ok && a.MsgID == msg, refused(a.Code)
	})
	if err != nil {
		return err
	}
	msg = l.nextID()
	p := mqttsn.Publish{QoS: mqttsn.QoS1, Topic: id, MsgID: msg, Data: []byte(payload)}
	err = l.request(ctx, p, func(m mqttsn.Message) (bool, error) {
		a, ok := m.(mqttsn.Puback)
		return ok && a.MsgID == msg, refused(a.Code)
	})
	switch {
	case err == nil:
		l.n.f.count.sent.Add(values)
	case errors.Is(err, errRefused): // the node goes on; the next may be taken
		l.n.f.count.refused.Add(1)
		return nil
	}
	return err
}
