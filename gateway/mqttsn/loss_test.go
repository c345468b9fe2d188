package mqttsn_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

// lossy is a bad network: of ten datagrams two are lost, one comes twice and two come
// late, behind others. The others take 20 ms.
func lossy(seed uint64) func(deliver func()) {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 1))
	return func(deliver func()) {
		mu.Lock()
		fate, late := r.IntN(10), time.Duration(20+r.IntN(500))*time.Millisecond
		mu.Unlock()
		switch fate {
		case 0, 1:
		case 2:
			time.AfterFunc(20*time.Millisecond, deliver)
			time.AfterFunc(late, deliver)
		case 3, 4:
			time.AfterFunc(late, deliver)
		default:
			time.AfterFunc(20*time.Millisecond, deliver)
		}
	}
}

// persist sends a request until done says that an answer is the one, as a node does.
// What else comes is answered as a node would.
func (n *node) persist(got map[string]int, m wire.Message, done func(wire.Message) bool) {
	n.h.t.Helper()
	for range 60 {
		n.say(m)
		timer := time.NewTimer(10 * time.Second)
		for waiting := true; waiting; {
			select {
			case <-timer.C:
				waiting = false
			case b := <-n.in:
				a, err := wire.Parse(b)
				if err != nil {
					n.h.t.Errorf("door sent nonsense: %v", err)
					return
				}
				if done(a) {
					return
				}
				n.answer(got, a)
			}
		}
	}
	n.h.t.Errorf("%+v was never answered", m)
}

// answer does with what the door sends what a good client does, and notes messages.
func (n *node) answer(got map[string]int, m wire.Message) {
	switch m := m.(type) {
	case wire.Register:
		n.say(wire.Regack{TopicID: m.TopicID, MsgID: m.MsgID})
	case wire.Publish:
		switch m.QoS {
		case wire.QoS1:
			got[string(m.Data)]++
			n.say(wire.Puback{Topic: m.Topic, MsgID: m.MsgID})
		case wire.QoS2:
			if key := fmt.Sprint("id ", m.MsgID); got[key] == 0 { // one that comes late is known
				got[string(m.Data)]++
				got[key] = 1
			}
			n.say(wire.Pubrec{MsgID: m.MsgID})
		}
	case wire.Pubrel:
		n.say(wire.Pubcomp(m))
	case wire.Pingreq:
		n.say(wire.Pingresp{})
	}
}

// Over a bad network nothing of QoS 1 and 2 is lost, and of QoS 2 nothing comes twice.
func TestNothingIsLostOverABadNetwork(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			h, a := bubble(t, mqttsn.Config{Retries: 20})
			all := h.listen("up/#")
			a.mangle = lossy(seed)
			var nodes sync.WaitGroup
			const count, each = 5, 20
			for i := range count {
				n := h.node()
				nodes.Go(func() { n.exchange(i, each) })
			}
			nodes.Wait()
			h.calm()
			seen := map[string]int{}
			for len(all.in) > 0 {
				m := <-all.in
				seen[m.Payload]++
			}
			for i := range count {
				for k := range each {
					if one := fmt.Sprintf("%d/1/%d", i, k); seen[one] == 0 {
						t.Errorf("seed %d: %s did not arrive", seed, one)
					}
					if two := fmt.Sprintf("%d/2/%d", i, k); seen[two] != 1 {
						t.Errorf("seed %d: %s arrived %d times", seed, two, seen[two])
					}
				}
			}
			if s := h.door.Stats(); s.Clients != count || s.Lost != 0 {
				t.Errorf("afterwards: %+v", s)
			}
		})
	}
}

// exchange connects, subscribes with a wildcard, and sends and gets messages of QoS 1
// and 2.
func (n *node) exchange(i, each int) {
	h := n.h
	got := map[string]int{}
	is := func(want wire.Message) func(wire.Message) bool {
		return func(m wire.Message) bool { return m == want }
	}
	n.persist(got, wire.Connect{Clean: true, Duration: 65535, ClientID: fmt.Sprint("node-", i)}, is(wire.Connack{}))
	n.persist(got, wire.Subscribe{QoS: 2, MsgID: 1, Topic: wire.Topic{Name: fmt.Sprintf("down/%d/#", i)}}, is(wire.Suback{QoS: 2, MsgID: 1}))
	var topic uint16
	n.persist(got, wire.Register{MsgID: 2, Name: fmt.Sprintf("up/%d", i)}, func(m wire.Message) bool {
		a, ok := m.(wire.Regack)
		topic = a.TopicID
		return ok && a.MsgID == 2
	})
	msg := uint16(2)
	for k := range each {
		h.publish(fmt.Sprintf("down/%d/%d", i, k%3), fmt.Sprintf("down 1 %d", k), 1)
		h.publish(fmt.Sprintf("down/%d/%d", i, k%3), fmt.Sprintf("down 2 %d", k), 2)
		msg++
		n.persist(got, wire.Publish{QoS: 1, Topic: topic, MsgID: msg, Data: fmt.Appendf(nil, "%d/1/%d", i, k)},
			is(wire.Puback{Topic: topic, MsgID: msg}))
		msg++
		n.persist(got, wire.Publish{QoS: 2, Topic: topic, MsgID: msg, Data: fmt.Appendf(nil, "%d/2/%d", i, k)}, is(wire.Pubrec{MsgID: msg}))
		n.persist(got, wire.Pubrel{MsgID: msg}, is(wire.Pubcomp{MsgID: msg}))
	}
	all := func() bool {
		for k := range each {
			if got[fmt.Sprintf("down 1 %d", k)] == 0 || got[fmt.Sprintf("down 2 %d", k)] == 0 {
				return false
			}
		}
		return true
	}
	for rounds := 0; !all(); rounds++ {
		if n.persist(got, wire.Pingreq{}, is(wire.Pingresp{})); rounds == 1000 || h.t.Failed() {
			h.t.Errorf("node %d has got %v", i, got)
			return
		}
	}
	for k := range each {
		if twice := got[fmt.Sprintf("down 2 %d", k)]; twice != 1 {
			h.t.Errorf("node %d got message %d of QoS 2 %d times", i, k, twice)
		}
	}
}

// The same through a proxy on real sockets, with short times.
func TestBadNetworkOnSockets(t *testing.T) {
	h := start(t, mqttsn.Config{Retry: 30 * time.Millisecond, Retries: 120})
	all := h.listen("t")
	send, in := h.meet()
	n := &node{h: h, in: in}
	r := rand.New(rand.NewPCG(7, 7))
	n.send = func(b []byte) { // loses a third of what the node says
		if r.IntN(3) > 0 {
			send(b)
		}
	}
	until := func(m wire.Message, is func(wire.Message) bool) {
		t.Helper()
		for range 400 {
			n.say(m)
			timer := time.NewTimer(50 * time.Millisecond)
			for waiting := true; waiting; {
				select {
				case <-timer.C:
					waiting = false
				case b := <-in:
					if r.IntN(3) == 0 { // and as much of what the door says
						continue
					}
					if a, err := wire.Parse(b); err == nil && is(a) {
						return
					}
				}
			}
		}
		t.Fatalf("%+v was never answered", m)
	}
	until(wire.Connect{Clean: true, ClientID: "n"}, func(m wire.Message) bool { return m == wire.Message(wire.Connack{}) })
	until(wire.Register{MsgID: 1, Name: "t"}, func(m wire.Message) bool { return m.Type() == wire.TypeRegack })
	for i := range 20 {
		id := uint16(i + 2)
		until(wire.Publish{QoS: 1, Topic: 1, MsgID: id, Data: fmt.Append(nil, i)}, func(m wire.Message) bool {
			return m == wire.Message(wire.Puback{Topic: 1, MsgID: id})
		})
	}
	for i := range 20 {
		all.want("t", fmt.Sprint(i), 1)
	}
}
