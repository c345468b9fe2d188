package broker_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// model is what a broker should do, in the simplest words: who is subscribed to what,
// and how often each client must get each message.
type model struct {
	sessions map[string]*modelSession
	retained map[string]*modelMessage
	order    int
}

type modelMessage struct {
	topic, payload, from string
	qos                  byte
	expires              time.Time // zero: never
}

// modelSession is what the broker should know of one client.
type modelSession struct {
	connected bool
	expiry    time.Duration
	left      time.Time
	will      *modelMessage
	willDelay time.Duration // of a will that waits
	waiting   bool
	subs      map[string]byte
	inbound   map[uint16]bool // QoS 2 not released
	wants     map[wish]*wanted
	last      map[line]int // order of the newest that arrived
	sent      map[string]bool
	restarted bool // the broker was restarted meanwhile
}

// wish is a kind of delivery.
type wish struct {
	topic   string
	payload string
	qos     byte
	retain  bool
}

// line is what keeps its order.
type line struct {
	topic, from string
	qos         byte
}

type wanted struct {
	m          *modelMessage
	order      int
	times, got int
	unsure     bool // a will that nobody awaits an answer for: the broker was killed meanwhile
}

func newModel() *model {
	return &model{sessions: map[string]*modelSession{}, retained: map[string]*modelMessage{}}
}

func newModelSession() *modelSession {
	return &modelSession{
		subs: map[string]byte{}, inbound: map[uint16]bool{}, wants: map[wish]*wanted{}, last: map[line]int{},
		sent: map[string]bool{},
	}
}

func (m *modelMessage) alive(now time.Time) bool { return m.expires.IsZero() || now.Before(m.expires) }

// publish is told what the broker has taken.
func (m *model) publish(msg *modelMessage, retain bool) {
	m.order++
	for _, s := range m.sessions {
		qos, ok := byte(0), false
		for f, q := range s.subs {
			if mqtt.Match(f, msg.topic) {
				qos, ok = max(qos, q), true
			}
		}
		if ok {
			s.want(m, msg, min(qos, msg.qos), false)
		}
	}
	if retain {
		m.retained[msg.topic] = msg
		if msg.payload == "" {
			delete(m.retained, msg.topic)
		}
	}
}

func (s *modelSession) want(m *model, msg *modelMessage, qos byte, retain bool) {
	if qos == 0 && !s.connected {
		return
	}
	w := wish{msg.topic, msg.payload, qos, retain}
	if s.wants[w] == nil {
		s.wants[w] = &wanted{m: msg, order: m.order}
	}
	s.wants[w].times++
}

func (m *model) subscribe(id, filter string, qos byte, now time.Time) {
	s := m.sessions[id]
	s.subs[filter] = qos
	for topic, msg := range m.retained {
		if mqtt.Match(filter, topic) && msg.alive(now) {
			s.want(m, msg, min(qos, msg.qos), true)
		}
	}
}

// connect gives whether the session is present.
func (m *model) connect(id string, clean bool, expiry time.Duration, will *modelMessage, delay time.Duration) bool {
	s := m.sessions[id]
	over := s == nil || clean || s.expiry == 0
	if s != nil {
		m.end(s, over)
	}
	present := !over
	if !present {
		s = newModelSession()
		m.sessions[id] = s
	}
	s.connected, s.expiry, s.will, s.willDelay, s.waiting = true, expiry, will, delay, false
	return present
}

// end is the end of a connection by a takeover, and of a will that waits when the
// session ends.
func (m *model) end(s *modelSession, over bool) {
	switch {
	case s.connected && s.will != nil && (s.willDelay == 0 || over), s.waiting && over:
		m.publishWill(s, over)
	}
}

func (m *model) publishWill(s *modelSession, over bool) {
	will := s.will
	s.will, s.waiting = nil, false
	if over {
		s.subs = map[string]byte{} // nobody is there any more who could get it
	}
	m.publish(will, false)
}

func (m *model) lose(id string, now time.Time) {
	s := m.sessions[id]
	s.connected, s.left = false, now
	if s.expiry == 0 {
		delete(m.sessions, id)
	}
	if s.will == nil {
		return
	}
	if s.willDelay == 0 || s.expiry == 0 {
		m.publishWill(s, s.expiry == 0)
	} else {
		s.waiting = true
	}
}

// pass lets time pass: wills, then sessions.
func (m *model) pass(now time.Time) {
	for id, s := range m.sessions {
		if s.connected {
			continue
		}
		over := !now.Before(s.left.Add(s.expiry))
		if over {
			delete(m.sessions, id)
		}
		if s.waiting && (over || !now.Before(s.left.Add(s.willDelay))) {
			m.publishWill(s, over)
		}
	}
	for topic, msg := range m.retained {
		if !msg.alive(now) {
			delete(m.retained, topic)
		}
	}
}

// near says that a deadline is so near that model and broker may differ.
func (m *model) near(now time.Time) bool {
	close := func(at time.Time) bool { return now.Sub(at).Abs() < time.Second/2 }
	for _, s := range m.sessions {
		if !s.connected && (close(s.left.Add(s.expiry)) || s.waiting && close(s.left.Add(s.willDelay))) {
			return true
		}
		for _, w := range s.wants {
			if close(w.m.expires) {
				return true
			}
		}
	}
	for _, msg := range m.retained {
		if close(msg.expires) {
			return true
		}
	}
	return false
}

// restart is what is left when the broker was killed.
func (m *model) restart(now time.Time) {
	for id, s := range m.sessions {
		if s.expiry == 0 {
			delete(m.sessions, id)
			continue
		}
		if s.connected {
			s.connected, s.left = false, now
		}
		s.will, s.waiting, s.restarted = nil, false, true
		for _, w := range s.wants {
			w.unsure = w.unsure || strings.HasPrefix(w.m.from, "will of")
		}
	}
}

// arrives is told what a client got, once per message as its QoS says.
func (s *modelSession) arrives(p *mqtt.Publish) error {
	w := s.wants[wish{p.Topic, string(p.Payload), p.QoS, p.Retain}]
	if w == nil {
		return fmt.Errorf("got %q of %s with QoS %d, retain %v, which it should not", p.Payload, p.Topic, p.QoS, p.Retain)
	}
	w.got++
	if p.QoS != 1 && w.got > w.times {
		return fmt.Errorf("got %q with QoS %d %d times instead of %d", p.Payload, p.QoS, w.got, w.times)
	}
	// Empty ones are all alike, and of QoS 0 a copy that was lost may come by another
	// that its publisher sent again.
	if w.got == 1 && !p.Retain && len(p.Payload) > 0 && (p.QoS > 0 || w.times == 1) {
		l := line{p.Topic, w.m.from, p.QoS}
		if s.last[l] > w.order {
			return fmt.Errorf("got %q of %s, QoS %d, behind what was published later", p.Payload, p.Topic, p.QoS)
		}
		s.last[l] = w.order
	}
	return nil
}

// missing says what did not arrive and should have.
func (s *modelSession) missing(now time.Time) error {
	for w, want := range s.wants {
		if w.qos > 0 && !want.unsure && want.got < want.times && (want.got == 0 || w.qos == 2) && want.m.alive(now) {
			return fmt.Errorf("%q of %s, QoS %d, retain %v, arrived %d times instead of %d",
				w.payload, want.m.topic, w.qos, w.retain, want.got, want.times)
		}
	}
	return nil
}
