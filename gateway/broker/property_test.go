package broker_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

func init() {
	// A failure says how to repeat it: no files. To look longer: -rapid.checks=5000.
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.checks": "200"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
}

// tape is a journal in memory.
type tape struct {
	mu      sync.Mutex
	entries map[int64][]byte
	last    int64
	torn    bool // the process was killed: nothing is written any more
}

func (t *tape) AppendBroker(_ context.Context, entry []byte) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.torn {
		return 0, errors.New("torn")
	}
	t.last++
	if t.entries == nil {
		t.entries = map[int64][]byte{}
	}
	t.entries[t.last] = append([]byte(nil), entry...)
	return t.last, nil
}

func (t *tape) TrimBroker(_ context.Context, before int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range t.entries {
		if n < before && !t.torn {
			delete(t.entries, n)
		}
	}
	return nil
}

func (t *tape) BrokerEntries(_ context.Context, each func(int64, []byte) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := int64(1); n <= t.last; n++ {
		if e, ok := t.entries[n]; ok {
			if err := each(n, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// copied is what another process finds.
func (t *tape) copied() *tape {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &tape{entries: map[int64][]byte{}, last: t.last}
	for n, e := range t.entries {
		c.entries[n] = e
	}
	return c
}

// play is one run of the property.
type play struct {
	*rapid.T
	ctx     context.Context
	broker  *broker.Broker
	tape    *tape
	stop    func()
	model   *model
	parties []*party
	number  int
}

func (p *play) start() {
	c := broker.Config{Commit: true, Log: slog.New(slog.DiscardHandler)}
	if p.tape != nil {
		c.Journal = p.tape
	}
	p.broker = broker.New(c)
	if err := p.broker.Load(p.ctx); err != nil {
		p.Fatalf("load: %v", err)
	}
	if p.tape != nil {
		p.broker.RewriteFrom(200)
	}
	ctx, cancel := context.WithCancel(p.ctx)
	done := make(chan struct{})
	b := p.broker
	go func() {
		defer close(done)
		_ = b.Run(ctx)
	}()
	p.stop = func() { cancel(); <-done }
}

func (p *play) must(who *party, err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("%s: %v", who.id, err)
	}
}

func (p *play) pick(t *rapid.T) *party { return rapid.SampledFrom(p.parties).Draw(t, "client") }

func (p *play) connected(t *rapid.T) *party {
	c := p.pick(t)
	if c.session == nil {
		t.Skip("not connected")
	}
	return c
}

var (
	topics  = []string{"a", "a/b", "c"}
	filters = []string{"a", "a/b", "c", "#", "a/#", "+/b", "+"}
)

func (p *play) message(t *rapid.T, from *party) (*modelMessage, mqtt.Publish, bool) {
	p.number++
	m := &modelMessage{
		topic: rapid.SampledFrom(topics).Draw(t, "topic"), payload: fmt.Sprintf("%s-%d", from.id, p.number),
		from: from.id, qos: byte(rapid.SampledFrom([]int{1, 2, 2, 0}).Draw(t, "qos")),
	}
	retain := rapid.IntRange(0, 4).Draw(t, "retain") == 0
	if retain && rapid.IntRange(0, 2).Draw(t, "empty") == 0 {
		m.payload = "" // takes back what was retained
	}
	return m, mqtt.Publish{Topic: m.topic, Payload: []byte(m.payload), QoS: m.qos, Retain: retain}, retain
}

func (p *play) connect(t *rapid.T) {
	c := p.pick(t)
	clean := rapid.IntRange(0, 9).Draw(t, "clean") == 0
	expiry := rapid.SampledFrom([]uint32{5000, 5000, 5000, 100, 100, 0}).Draw(t, "expiry")
	window := rapid.SampledFrom([]int{1, 2, 3, 50}).Draw(t, "receive maximum")
	var w *mqtt.Will
	var mw *modelMessage
	delay := rapid.SampledFrom([]uint32{0, 30, 1000}).Draw(t, "will delay")
	if rapid.IntRange(0, 2).Draw(t, "will") == 0 {
		p.number++
		mw = &modelMessage{topic: "a/b", payload: fmt.Sprintf("will-%d", p.number), from: "will of " + c.id, qos: 1}
		w = &mqtt.Will{Topic: mw.topic, Payload: []byte(mw.payload), QoS: 1, Delay: delay}
	}
	p.attach(c, clean, expiry, window, w, mw)
}

// attach connects, over a connection that the broker may still hold for alive.
func (p *play) attach(c *party, clean bool, expiry uint32, window int, w *mqtt.Will, mw *modelMessage) {
	old := c.peer
	taken := c.session != nil
	pr := newPeer()
	s, present, err := p.broker.Connect(p.ctx, broker.Connect{
		Client: &broker.Client{ID: c.id, Version: c.version}, Peer: pr, CleanStart: clean,
		Expiry: expiry, Will: w, ReceiveMaximum: uint16(window),
	})
	p.must(c, err)
	delay := time.Duration(0)
	if w != nil {
		delay = time.Duration(w.Delay) * time.Second
	}
	if want := p.model.connect(c.id, clean, time.Duration(expiry)*time.Second, mw, delay); present != want {
		p.Fatalf("%s: session present %v, want %v", c.id, present, want)
	}
	if taken && len(old.wasCut()) != 1 {
		p.Fatalf("%s: the connection before was told %v", c.id, old.wasCut())
	}
	if !present {
		c.forget()
	}
	c.attach(s, pr, window)
}

func (p *play) lose(c *party) {
	c.session.End(p.ctx, broker.End{How: broker.Lost})
	c.session = nil
	p.model.lose(c.id, time.Now())
}

func (p *play) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"connect": p.connect,
		"lose":    func(t *rapid.T) { p.lose(p.connected(t)) },
		"subscribe": func(t *rapid.T) {
			c := p.connected(t)
			p.subscribe(c, rapid.SampledFrom(filters).Draw(t, "filter"), byte(rapid.IntRange(0, 2).Draw(t, "qos")))
		},
		"unsubscribe": func(t *rapid.T) {
			c := p.connected(t)
			f := rapid.SampledFrom(filters).Draw(t, "filter")
			code := c.session.Unsubscribe(p.ctx, []string{f})[0]
			subs := p.model.sessions[c.id].subs
			if _, there := subs[f]; there != (code == mqtt.Success) {
				p.Fatalf("%s: unsubscribe: %v", c.id, code)
			}
			delete(subs, f)
		},
		"publish":            func(t *rapid.T) { p.publish(t, p.connected(t), 1) },
		"publish and serve":  func(t *rapid.T) { p.publishNow(t, p.connected(t), 1) },
		"publish some":       func(t *rapid.T) { p.publishNow(t, p.connected(t), 3) },
		"publish many":       func(t *rapid.T) { p.publishNow(t, p.connected(t), 6) },
		"exchange of others": func(t *rapid.T) { p.exchangeAll() },
		"publish with expiry": func(t *rapid.T) {
			c := p.connected(t)
			m, pub, retain := p.message(t, c)
			pub.Props.HasExpiry, pub.Props.Expiry = true, 50
			if c.version == mqtt.V5 && pub.QoS == 0 { // one of QoS 1 may be sent again later and lives longer
				m.expires = time.Now().Add(50 * time.Second)
				c.send(m, pub, retain)
				p.serve(c, 1000)
			}
		},
		"serve":    func(t *rapid.T) { p.serve(p.connected(t), few(t)) },
		"take":     func(t *rapid.T) { p.take(p.connected(t), few(t)) },
		"read":     func(t *rapid.T) { p.read(p.connected(t), few(t)) },
		"exchange": func(t *rapid.T) { p.exchange(p.connected(t)) },
		"pass time": func(t *rapid.T) {
			p.pass(rapid.SampledFrom([]time.Duration{time.Second, 40 * time.Second, 200 * time.Second}).Draw(t, "time"))
		},
		"restart": func(t *rapid.T) {
			if p.tape == nil {
				t.Skip("no journal")
			}
			p.restart()
		},
	}
}

func (p *play) publish(t *rapid.T, c *party, n int) {
	for range n {
		m, pub, retain := p.message(t, c)
		c.send(m, pub, retain)
	}
}

func (p *play) publishNow(t *rapid.T, c *party, n int) {
	p.publish(t, c, n)
	p.serve(c, 1000)
}

func (p *play) exchangeAll() {
	for _, c := range p.parties {
		if c.session != nil {
			p.exchange(c)
		}
	}
}

// begin connects all, with a subscription each.
func (p *play) begin(t *rapid.T) {
	for _, c := range p.parties {
		p.attach(c, false, 5000, rapid.SampledFrom([]int{1, 3, 50}).Draw(t, "receive maximum"), nil, nil)
		p.subscribe(c, rapid.SampledFrom([]string{"#", "a/#", "+"}).Draw(t, "filter"), byte(rapid.IntRange(1, 2).Draw(t, "qos")))
	}
}

func (p *play) subscribe(c *party, filter string, qos byte) {
	if code := c.session.Subscribe(p.ctx, []mqtt.Subscription{{Filter: filter, QoS: qos}}, 0)[0]; code != mqtt.ReasonCode(qos) {
		p.Fatalf("%s: subscribe: %v", c.id, code)
	}
	p.model.subscribe(c.id, filter, qos, time.Now())
}

// few is a part of what waits.
func few(t *rapid.T) int { return rapid.IntRange(1, 3).Draw(t, "packets") }

func (p *play) serve(c *party, n int) {
	for ; n > 0 && len(c.up) > 0; n-- {
		p.must(c, c.serve(p.ctx, p.model))
	}
}

func (p *play) take(c *party, n int) {
	p.must(c, c.take(p.model.sessions[c.id], n))
}

func (p *play) read(c *party, n int) {
	for ; n > 0 && len(c.down) > 0; n-- {
		p.must(c, c.read(p.model.sessions[c.id]))
	}
}

// exchange does all that can be done at once.
func (p *play) exchange(c *party) {
	p.serve(c, 1000)
	p.take(c, 50)
	p.read(c, 1000)
}

func (p *play) pass(d time.Duration) {
	time.Sleep(d)
	for p.model.near(time.Now()) {
		time.Sleep(time.Second)
	}
	synctest.Wait()
	p.model.pass(time.Now())
}

func (p *play) restart() {
	found := p.tape.copied()
	p.tape.mu.Lock()
	p.tape.torn = true
	p.tape.mu.Unlock()
	p.stop()
	p.tape = found
	p.model.restart(time.Now())
	for _, c := range p.parties {
		c.session = nil
	}
	p.start()
}

// finish connects all that have a session and exchanges everything.
func (p *play) finish() {
	for _, c := range p.parties {
		if p.model.sessions[c.id] != nil && c.session == nil {
			p.attach(c, false, 5000, 3, nil, nil)
		}
	}
	for idle := 0; idle < 10; {
		busy := false
		for _, c := range p.parties {
			if c.session == nil {
				continue
			}
			p.exchange(c)
			busy = busy || len(c.up) > 0 || len(c.down) > 0
		}
		if idle = idle + 1; busy {
			idle = 0
		} else {
			time.Sleep(5 * time.Millisecond) // for the journal
			synctest.Wait()
		}
	}
	for _, c := range p.parties {
		if s := p.model.sessions[c.id]; s != nil {
			p.must(c, s.missing(time.Now()))
		}
	}
}

// bubble keeps rapid from asking for a deadline, which synctest does not know.
type bubble struct{ testing.TB }

func property(t *testing.T, withJournal bool) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubble{t}, func(rt *rapid.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			p := &play{T: rt, ctx: ctx, model: newModel()}
			if withJournal {
				p.tape = &tape{}
			}
			for i, v := range []mqtt.Version{mqtt.V5, mqtt.V311, mqtt.V5} {
				p.parties = append(p.parties, &party{id: fmt.Sprintf("c%d", i), version: v, unread: map[uint16]bool{}})
			}
			p.start()
			defer func() { p.stop() }()
			p.begin(rt)
			rt.Repeat(p.actions())
			p.finish()
		})
	})
}

// Many clients with loss, reconnections and takeovers against the model: both spaces
// of packet ids, QoS 1 at least once and QoS 2 exactly once and in order, retained
// messages, wills, expiry, receive maximum.
func TestSessionsDoWhatTheModelSays(t *testing.T) { property(t, false) }

// The same, with a journal, and a broker that is killed now and then.
func TestSessionsOutliveTheBroker(t *testing.T) { property(t, true) }
