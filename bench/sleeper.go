package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// asleepFor is what a sleeper tells the gateway, in periods: it is not lost before.
const asleepFor = 4

// sleeperState is what a sleeper waits for.
type sleeperState int

const (
	connecting sleeperState = iota
	subscribing
	retiring
	asleep
	waking
	gone // thrown out, or given up
)

// sleeper is an MQTT-SN client that sleeps and asks now and then what waits for it.
type sleeper struct {
	id    string
	to    socket
	state sleeperState

	request []byte // the open one, which is sent again
	left    int64  // when it left first, ns since the drive began
	again   int64  // when it is sent again
	tries   int

	topic     uint16
	published uint64 // messages to it
	next      uint64 // the number of the one to come
	got       uint64
	twice     uint64
}

// ask sends a request; the answer brings the sleeper on.
func (s *sleeper) ask(m mqttsn.Message, now int64) error {
	b, err := m.Append(s.request[:0])
	if err != nil {
		return err
	}
	s.request, s.left, s.tries = b, now, 0
	return s.send(now)
}

// send sends the open request, once more.
func (s *sleeper) send(now int64) error {
	s.tries++
	s.again = now + int64(resend)
	return s.write(s.request)
}

func (s *sleeper) write(b []byte) error {
	if _, err := s.to.Write(b); err != nil && err != syscall.EAGAIN { //nolint:errorlint // it comes unwrapped
		return fmt.Errorf("send MQTT-SN datagram: %w", err)
	}
	return nil
}

func (s *sleeper) topicName() string { return "bench/sn/" + s.id }

// take takes a datagram. woken: it ends a waking.
func (s *sleeper) take(b []byte, now int64, sleep uint16) (woken bool, err error) {
	kind, body, _, err := mqttsn.Scan(b)
	if err != nil {
		return false, nil //nolint:nilerr // noise
	}
	switch {
	case kind == mqttsn.TypeConnack && s.state == connecting:
		if m, err := mqttsn.ReadConnack(body); err != nil || m.Code != mqttsn.Accepted {
			return false, fmt.Errorf("gateway does not take %s: %v", s.id, m.Code)
		}
		s.state = subscribing
		return false, s.ask(mqttsn.Subscribe{QoS: 1, MsgID: 1, Topic: mqttsn.Topic{Name: s.topicName()}}, now)
	case kind == mqttsn.TypeSuback && s.state == subscribing:
		m, err := mqttsn.ReadSuback(body)
		if err != nil || m.Code != mqttsn.Accepted {
			return false, fmt.Errorf("gateway lets %s not subscribe: %v", s.id, m.Code)
		}
		s.state, s.topic = retiring, m.TopicID
		return false, s.ask(mqttsn.Disconnect{Sleep: true, Duration: sleep}, now)
	case kind == mqttsn.TypeDisconnect && s.state == retiring:
		s.state = asleep
	case kind == mqttsn.TypeDisconnect:
		s.state = gone
	case kind == mqttsn.TypePublish:
		return false, s.receive(body)
	case kind == mqttsn.TypeRegister:
		if m, err := mqttsn.ReadRegister(body); err == nil {
			return false, s.answer(mqttsn.Regack{TopicID: m.TopicID, MsgID: m.MsgID})
		}
	case kind == mqttsn.TypePingresp && s.state == waking:
		s.state = asleep
		return true, nil
	}
	return false, nil
}

// receive counts a message and acknowledges it.
func (s *sleeper) receive(body []byte) error {
	m, err := mqttsn.ReadPublish(body)
	if err != nil {
		return nil //nolint:nilerr // noise
	}
	if len(m.Data) >= 8 {
		if n := binary.BigEndian.Uint64(m.Data); n < s.next {
			s.twice++
		} else {
			s.got++
			s.next = n + 1
		}
	}
	if m.QoS != 1 {
		return nil
	}
	return s.answer(mqttsn.Puback{Topic: m.Topic, MsgID: m.MsgID})
}

func (s *sleeper) answer(m mqttsn.Message) error {
	var room [16]byte
	b, err := m.Append(room[:0])
	if err != nil {
		return err
	}
	return s.write(b)
}

// overdue sends the open request again, or gives up. false: given up.
func (s *sleeper) overdue(now int64) (alive bool, err error) {
	if s.state == asleep || s.state == gone || now < s.again {
		return true, nil
	}
	if s.tries == attempts {
		s.state = gone
		return false, nil
	}
	return true, s.send(now)
}

// seconds rounds up to what DISCONNECT can say.
func seconds(d time.Duration) uint16 { return uint16(min((d+time.Second-1)/time.Second, 65535)) }

// sockets opens one for each sleeper; towards this machine every 4,000 have an
// address of their own, for ports are few.
func (n *night) sockets() (conns []*net.UDPConn, err error) {
	to, err := net.ResolveUDPAddr("udp", n.c.MQTTSN)
	if err != nil {
		return nil, fmt.Errorf("find MQTT-SN gateway: %w", err)
	}
	n.in = make([]byte, 2048)
	run := strconv.FormatInt(n.began.UnixNano()%1e9, 36)
	for i := range n.c.Things {
		var local *net.UDPAddr
		if runtime.GOOS == "linux" && to.IP.IsLoopback() && to.IP.To4() != nil {
			local = &net.UDPAddr{IP: net.IPv4(127, 3, 0, byte(1+i/4000))}
		}
		conn, err := net.DialUDP("udp", local, to)
		if err != nil {
			for _, c := range conns {
				_ = c.Close()
			}
			return nil, fmt.Errorf("open MQTT-SN client %d: %w", i, err)
		}
		conns = append(conns, conn)
		n.ends = append(n.ends, &sleeper{id: "bench-" + run + "-" + strconv.Itoa(i)})
	}
	return conns, nil
}
