package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/mqttsn"
)

const (
	handshakes = 256                  // under way at a time
	beat       = 5 * time.Millisecond // how finely wakings are spread
)

// MQTTSN measures an MQTT-SN gateway with clients that sleep and wake in turn.
// Defaults: 20,000 clients (Things), or as many as the system lets the generator
// have, each of which wakes every 10 s (Rate: wakings a second of all). With MQTT, the
// address of the broker behind the gateway, every client finds a message of QoS 1 at
// each waking. Counted are wakings, from PINGREQ to PINGRESP, what waited included.
func MQTTSN(ctx context.Context, c Config) (Result, error) {
	rate := c.Rate
	c.Rate = 0
	c, err := c.mqttDefaults(ctx, load{things: maxConnections, clients: 1, inFlight: 1})
	if err = errors.Join(err, c.checkTarget(ctx, c.MQTTSN)); err != nil {
		return Result{}, err
	}
	if !canPoll {
		return Result{}, errors.New("mqttsn needs Linux: elsewhere there is no way to have so many sockets")
	}
	c.Things = min(c.Things, moreFiles()-200)
	or(&rate, max(c.Things/10, 20))
	n := &night{c: c, began: time.Now(), rate: rate, asleep: make(chan struct{})}
	n.from.Store(math.MaxInt64)
	n.to.Store(math.MaxInt64)
	n.period = time.Second * time.Duration(c.Things) / time.Duration(rate)
	r, err := n.measure(ctx)
	r.Scenario = "mqttsn"
	r.Load = map[string]int{"sleeping clients": c.Things, "wakings a second": rate}
	return r, err
}

// night is many sleepers, driven by one thread.
type night struct {
	c      Config
	began  time.Time
	rate   int
	period time.Duration // between two wakings of a client
	ends   []*sleeper
	in     []byte

	asleep  chan struct{} // closed when all are
	started int
	open    int   // handshakes under way
	first   int64 // when the first waking is due, ns since began
	number  int   // of the waking to come
	looked  int64 // for overdue requests

	mail     chan letter  // nil: there is no broker to publish at
	letters  atomic.Int64 // published, and not come
	posting  atomic.Bool
	from, to atomic.Int64
	count    uint64
	took     histogram
	lost     uint64
}

func (n *night) now() int64 { return int64(time.Since(n.began)) }

func (n *night) measure(ctx context.Context) (r Result, err error) {
	conns, err := n.sockets()
	if err != nil {
		return r, err
	}
	before, known := memoryBytes(n.c.PID)
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	var work sync.WaitGroup
	defer work.Wait()
	if n.c.MQTT != "" {
		n.mail = make(chan letter, n.c.Things)
		work.Go(func() { defer stop(); ended <- n.post(running) })
	} else {
		ended <- nil
	}
	work.Go(func() {
		defer stop()
		ended <- poll(running, conns, beat, n.begin, n.ready, n.idle)
	})
	select {
	case <-n.asleep:
	case <-running.Done():
	}
	if after, ok := memoryBytes(n.c.PID); ok && known {
		r.more("bytes for a sleeping client", (float64(after)-float64(before))/float64(n.c.Things))
	}
	n.posting.Store(true)
	pause(running, n.period) // every client has been written to before it wakes
	used, start := usageNow(n.c.PID), n.now()
	n.from.Store(start)
	pause(running, n.c.Duration)
	finish := n.now()
	n.to.Store(finish)
	r.used(n.c.PID, used, usageNow(n.c.PID))
	n.posting.Store(false)
	n.delivered(running)
	stop()
	err = errors.Join(<-ended, <-ended)
	n.sum(&r, time.Duration(finish-start))
	return r, errors.Join(err, ctx.Err())
}

// delivered waits until nothing waits for a client any more: each wakes once more.
func (n *night) delivered(ctx context.Context) {
	pause(ctx, 4*beat) // the thread has seen that nothing is to be posted any more
	for late := time.Now().Add(n.period + drainIn); n.letters.Load() > 0 && time.Now().Before(late); {
		if !pause(ctx, beat) {
			return
		}
	}
}

// sum counts; all has ended.
func (n *night) sum(r *Result, in time.Duration) {
	r.timed("woken", n.count, in, &n.took)
	r.Lost = n.lost
	var published, got, twice, out uint64
	for _, s := range n.ends {
		published, got, twice = published+s.published, got+s.got, twice+s.twice
		if s.state == gone {
			out++
		}
	}
	if n.mail != nil {
		r.more("messages to sleepers", float64(published))
		r.more("messages that never came", float64(published)-float64(got))
		r.more("messages that came twice", float64(twice))
	}
	if out > 0 {
		r.more("clients that were thrown out or not answered", float64(out))
	}
}

func (n *night) begin(i int, to socket) error {
	n.ends[i].to = to
	return nil
}

func (n *night) ready(i int) error {
	s := n.ends[i]
	got, err := s.to.read(n.in)
	if err != nil {
		return fmt.Errorf("read MQTT-SN datagram: %w", err)
	}
	if got == 0 {
		return nil
	}
	now, greeting, before := n.now(), s.state < asleep, s.got
	woken, err := s.take(n.in[:got], now, seconds(asleepFor*n.period))
	if greeting && s.state >= asleep {
		n.open--
	}
	n.letters.Add(int64(before) - int64(s.got))
	if woken && now >= n.from.Load() && now < n.to.Load() {
		n.count++
		n.took.add(time.Duration(now - s.left))
	}
	return err
}

// idle is called at every beat: clients say hello, then wake in turn.
func (n *night) idle() error {
	now := n.now()
	if now-n.looked > int64(resend/4) {
		n.looked = now
		if err := n.look(now); err != nil {
			return err
		}
	}
	for n.started < len(n.ends) && n.open < handshakes {
		s := n.ends[n.started]
		n.started++
		n.open++
		if err := s.ask(mqttsn.Connect{Clean: true, Duration: 60, ClientID: s.id}, now); err != nil {
			return err
		}
	}
	if n.first == 0 {
		if n.started == len(n.ends) && n.open == 0 {
			n.first = now
			close(n.asleep)
		}
		return nil
	}
	return n.wake(now)
}

// look finds requests that were not answered.
func (n *night) look(now int64) error {
	for _, s := range n.ends[:n.started] {
		greeting := s.state < asleep
		alive, err := s.overdue(now)
		if err != nil {
			return err
		}
		switch {
		case !alive && greeting:
			return fmt.Errorf("MQTT-SN gateway %s does not answer", n.c.MQTTSN)
		case !alive:
			n.lost++
		}
	}
	return nil
}

// wake lets the clients wake whose turn it is, and sends letters to those that are
// half a round from it.
func (n *night) wake(now int64) error {
	every := int64(time.Second) / int64(n.rate)
	for ; n.first+int64(n.number)*every <= now; n.number++ {
		s := n.ends[n.number%len(n.ends)]
		if s.state == asleep {
			s.state = waking
			if err := s.ask(mqttsn.Pingreq{ClientID: s.id}, now); err != nil {
				return err
			}
		}
		if n.mail == nil || !n.posting.Load() {
			continue
		}
		i := (n.number + len(n.ends)/2) % len(n.ends)
		to := n.ends[i]
		select {
		case n.mail <- letter{i, to.published}:
			to.published++
			n.letters.Add(1)
		default: // the broker is behind
		}
	}
	return nil
}
