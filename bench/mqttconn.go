package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

var errPacket = errors.New("MQTT packet that makes no sense")

// mqttConn is the client's end of an MQTT 3.1.1 connection, made for reading a
// lot: packets are taken apart in one large buffer, PUBLISHes are written as bytes
// that were made before. One goroutine reads; one writes.
type mqttConn struct {
	*net.TCPConn
	buf        []byte // what was read and not looked at is buf[start:end]
	start, end int
}

// dialMQTT opens a connection with a clean session that never times out. read is
// the size of its read buffer in bytes.
func (c Config) dialMQTT(ctx context.Context, id string, read int) (*mqttConn, error) {
	return c.dialMQTTFrom(ctx, nil, id, read)
}

func (c Config) dialMQTTFrom(ctx context.Context, local net.Addr, id string, read int) (*mqttConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	d := net.Dialer{LocalAddr: local}
	conn, err := d.DialContext(ctx, "tcp", c.MQTT)
	if err != nil {
		return nil, err
	}
	m := &mqttConn{TCPConn: conn.(*net.TCPConn), buf: make([]byte, read)}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	hello := mqtt.Connect{
		Version: mqtt.V311, CleanStart: true, ClientID: id,
		HasUserName: c.User != "", UserName: c.User, HasPassword: c.Password != "", Password: []byte(c.Password),
	}
	if err := m.ask(hello.Append(nil, mqtt.V311), mqtt.TypeConnack, mqttAccepted); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect as %s: %w", id, err)
	}
	return m, nil
}

func mqttAccepted(body []byte) error {
	if len(body) != 2 {
		return errPacket
	}
	if body[1] != 0 {
		return fmt.Errorf("broker refused the connection: return code %d", body[1])
	}
	return nil
}

// subscribe waits until the subscription is granted.
func (m *mqttConn) subscribe(filter string, qos byte) error {
	s := mqtt.Subscribe{ID: 1, Subscriptions: []mqtt.Subscription{{Filter: filter, QoS: qos}}}
	err := m.ask(s.Append(nil, mqtt.V311), mqtt.TypeSuback, func(body []byte) error {
		if len(body) != 3 || body[2] != qos {
			return fmt.Errorf("broker did not grant it: % x", body)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", filter, err)
	}
	return nil
}

// ask writes a packet and reads up to the answer of that type.
func (m *mqttConn) ask(packet []byte, answer mqtt.Type, check func(body []byte) error) error {
	if _, err := m.Write(packet); err != nil {
		return err
	}
	var answered bool
	var fault error
	for !answered {
		err := m.receive(func(head byte, body []byte) {
			if mqtt.TypeOf(head) == answer && !answered {
				answered, fault = true, check(body)
			}
		})
		if err != nil && !answered {
			return err
		}
	}
	return fault
}

// receive reads once from the socket and gives every whole packet to each: its
// first byte and what stands behind its length.
func (m *mqttConn) receive(each func(head byte, body []byte)) error {
	if err := m.makeRoom(); err != nil {
		return err
	}
	n, err := m.Read(m.buf[m.end:])
	m.end += n
	if err != nil {
		return err
	}
	return m.packets(each)
}

// makeRoom sees to it that something can be read into the buffer.
func (m *mqttConn) makeRoom() error {
	if m.end < len(m.buf) {
		return nil
	}
	if m.start == 0 {
		if len(m.buf) >= maxFrame {
			return errPacket
		}
		m.buf = append(m.buf, make([]byte, len(m.buf))...)
	}
	m.end = copy(m.buf, m.buf[m.start:m.end])
	m.start = 0
	return nil
}

// packets takes the whole packets out of the buffer.
func (m *mqttConn) packets(each func(head byte, body []byte)) error {
	for {
		b := m.buf[m.start:m.end]
		head, size, ok := mqttSize(b)
		if size > maxFrame {
			return errPacket
		}
		if !ok || len(b) < head+size {
			break
		}
		m.start += head + size
		each(b[0], b[head:head+size])
	}
	if m.start == m.end {
		m.start, m.end = 0, 0
	}
	return nil
}

// mqttSize reads the fixed header of a packet: its own length and that of what
// follows. Not ok: it is not whole yet.
func mqttSize(b []byte) (head, size int, ok bool) {
	for i := 1; i < len(b); i++ {
		size |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i] < 0x80 {
			return i + 1, size, true
		}
		if i == 4 {
			return 0, maxFrame + 1, false
		}
	}
	return 0, 0, false
}

// published takes a PUBLISH apart; id is 0 with QoS 0.
func published(head byte, body []byte) (id uint16, payload []byte, ok bool) {
	if len(body) < 2 {
		return 0, nil, false
	}
	at := 2 + int(binary.BigEndian.Uint16(body))
	if head&0x06 == 0 {
		return 0, body[min(at, len(body)):], at <= len(body)
	}
	if len(body) < at+2 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(body[at:]), body[at+2:], true
}

// mqttCrowd is a number of MQTT connections.
type mqttCrowd struct{ conns []*mqttConn }

// dialAll opens n connections, 32 at a time.
func (m *mqttCrowd) dialAll(ctx context.Context, n int, dial func(ctx context.Context, i int) (*mqttConn, error)) error {
	m.conns = make([]*mqttConn, n)
	return many(n, func(i int) (err error) {
		m.conns[i], err = dial(ctx, i)
		return err
	})
}

func (m *mqttCrowd) close() {
	for _, c := range m.conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// many does something n times, 32 at a time; the error is the first one's.
func many(n int, do func(i int) error) error {
	errs := make(chan error, n)
	places := make(chan struct{}, 32)
	for i := range n {
		places <- struct{}{}
		go func() {
			errs <- do(i)
			<-places
		}()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
