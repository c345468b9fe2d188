package mqttsn

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// deaf is a socket that takes all that is sent and checks that it is sound.
type deaf struct{ t *testing.T }

func (d deaf) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) { select {} }
func (d deaf) SetReadDeadline(time.Time) error                         { return nil }

func (d deaf) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	if _, err := mqttsn.Parse(b); err != nil {
		d.t.Errorf("the door sent %X: %v", b, err)
	}
	return len(b), nil
}

// FuzzDoor plays frames of any kind from three addresses, with time passing between
// them, and then looks whether the door's books are in order.
func FuzzDoor(f *testing.F) {
	seed := func(frames ...string) {
		var all []byte
		for i, frame := range frames {
			all = append(append(all, byte(i%4), byte(len(frame))), frame...)
		}
		f.Add(all)
	}
	seed("\x07\x04\x04\x01\x01\x68a", "\x07\x0A\x00\x00\x00\x01t", "\x08\x0C\x20\x00\x01\x00\x02x", "\x02\x18")
	seed("\x07\x04\x08\x01\x00\x05a", "\x05\x07\x20w/", "\x03\x09x", "\x04\x18\x00\x05", "\x03\x16a")
	seed("\x07\x04\x00\x01\x00\x05a", "\x07\x12\x40\x00\x01+/", "\x06\x12\x20\x00\x01#", "\x07\x0C\x60\x00\x01\x00\x00")
	seed("\x06\x0A\x00\x00\x00\x01", "\x07\x0A\x00\x00\x00\x01t", "\x07\x0A\x00\x00\x00\x01t", "\x05\xFE\x00ab\x02\x16")
	f.Fuzz(func(t *testing.T, script []byte) {
		b := broker.New(broker.Config{})
		d := New(Config{
			Broker: b, Conns: []Conn{deaf{t}}, Lanes: 2, MaxClients: 3, MaxTopics: 4, MaxCasual: 1,
			Predefined: map[uint16]string{1: "p"},
		})
		for _, l := range d.lanes {
			l.ctx = context.Background()
			l.timer = time.NewTimer(time.Hour)
			defer l.timer.Stop()
		}
		var clock time.Duration
		for len(script) >= 2 && len(script) < 4096 {
			who, n := script[0], min(int(script[1]), len(script)-2)
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, who & 3}), 1)
			clock += time.Duration(who>>2) * time.Second
			if who&3 == 3 {
				b.Publish(&broker.Message{Topic: "t", Payload: script[2 : 2+n], QoS: who >> 2 & 3 % 3})
			} else {
				d.take(d.cfg.Conns[0], key{at: from}, script[2:2+n])
			}
			script = script[2+n:]
			for _, l := range d.lanes {
				l.play(clock)
			}
		}
		d.check(t)
	})
}

// play does what run does when something has come.
func (l *lane) play(clock time.Duration) {
	l.now = clock
	for {
		select {
		case p := <-l.in:
			l.handle(p)
			l.d.queued.Add(-int64(len(p.body)) - 64)
			p.free()
			continue
		default:
		}
		break
	}
	for range 8 {
		l.tend()
	}
	l.lapse()
}

// check looks whether the door's counts fit what it has, and that nothing is left
// after its end.
func (d *Door) check(t *testing.T) {
	t.Helper()
	clients, asleepNow, casualNow, named := 0, 0, 0, 0
	for _, l := range d.lanes {
		for id, c := range l.clients {
			clients++
			if d.known.find(c.key) != c || c.id != id || c.lane != l || c.pos < 0 || l.due.all[c.pos] != c {
				t.Errorf("client %q is out of place: %+v", id, c)
			}
			if c.session == nil && c.state != connecting {
				t.Errorf("client %q has no session in state %d", id, c.state)
			}
			if c.state == asleep {
				asleepNow++
			}
			if c.state == casual {
				casualNow++
			}
			named += len(c.topics.ids)
		}
		for _, p := range l.remembered.of {
			named += len(p.topics.ids)
		}
		if len(l.due.all) != len(l.clients) {
			t.Errorf("%d clients, %d with a deadline", len(l.clients), len(l.due.all))
		}
	}
	s := d.Stats()
	if s.Clients != clients || s.Asleep != asleepNow || int(d.casual.Load()) != casualNow || s.Topics != named || d.queued.Load() != 0 {
		t.Errorf("counted %+v; there are %d clients, %d asleep, %d casual, %d topics", s, clients, asleepNow, casualNow, named)
	}
	for _, l := range d.lanes {
		l.close()
	}
	if left := d.broker.Stats().Connected; left != 0 {
		t.Errorf("%d sessions are left", left)
	}
}
