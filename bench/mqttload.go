package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// mqttHead is what stands at the beginning of every payload: the message's number
// among its publisher's, the time when it left (ns since the drive began), the
// publisher.
const mqttHead = 8 + 8 + 4

// mqttDrive is publishers and subscribers of whom each gets every message. A
// message is in flight until every subscriber has it and, with QoS 1, its publisher
// the PUBACK; each publisher has at most a window of them.
type mqttDrive struct {
	c      Config
	qos    byte
	began  time.Time
	pubs   []*mqttPub
	subs   []*mqttSub
	stalls atomic.Int64

	from, to atomic.Int64 // deliveries at that time (ns since began) are counted

	crowd   mqttCrowd
	reading sync.WaitGroup
}

// newMQTTDrive connects so many publishers and subscribers. It is to be closed even
// after an error.
func newMQTTDrive(ctx context.Context, c Config, pubs, subs int, qos byte) (*mqttDrive, error) {
	d := &mqttDrive{c: c, qos: qos, began: time.Now()}
	d.from.Store(math.MaxInt64)
	d.to.Store(math.MaxInt64)
	if c.Payload < mqttHead || c.Payload > 64<<10 {
		return d, fmt.Errorf("messages of %d bytes: between %d and %d are possible", c.Payload, mqttHead, 64<<10)
	}
	if c.Rate != 0 {
		return d, errors.New("MQTT messages leave as the broker takes them: --rate is not possible")
	}
	if max(c.InFlight, 1) > math.MaxUint16 {
		return d, fmt.Errorf("%d in flight: a publisher has %d packet identifiers", c.InFlight, math.MaxUint16)
	}
	run := fmt.Sprintf("bench-%x", d.began.UnixNano())
	err := d.crowd.dialAll(ctx, pubs+subs, func(ctx context.Context, i int) (*mqttConn, error) {
		conn, err := c.dialMQTT(ctx, fmt.Sprintf("%s-%d", run, i), readBuffer(subs))
		if err == nil && i >= pubs {
			err = conn.subscribe(run+"/#", qos)
		}
		return conn, err
	})
	if err != nil {
		return d, err
	}
	for i, conn := range d.crowd.conns {
		if i < pubs {
			d.pubs = append(d.pubs, newMQTTPub(d, conn, i, fmt.Sprintf("%s/p%d", run, i)))
		} else {
			d.subs = append(d.subs, &mqttSub{d: d, conn: conn, next: make([]uint64, pubs), seen: make([]counter, pubs)})
		}
	}
	return d, nil
}

func (d *mqttDrive) now() int64 { return int64(time.Since(d.began)) }

// close ends every connection and waits for the readers.
func (d *mqttDrive) close() {
	d.crowd.close()
	d.reading.Wait()
}

// measure lets publishers publish: it warms up, counts, and waits for the rest.
func (d *mqttDrive) measure(ctx context.Context, name string) (Result, error) {
	defer d.close()
	for _, s := range d.subs {
		d.reading.Go(s.loop)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	all, publishing := errgroup.WithContext(running)
	for _, p := range d.pubs {
		if d.qos > 0 {
			d.reading.Go(p.confirm)
		}
		all.Go(func() error { return p.run(publishing) })
	}
	r := Result{Scenario: name, Load: map[string]int{
		"publishers": len(d.pubs), "subscribers": len(d.subs), "in flight each": d.c.InFlight, "bytes a message": d.c.Payload,
	}}
	pause(publishing, d.c.Warmup)
	before, start := usageNow(d.c.PID), d.now()
	d.from.Store(start)
	pause(publishing, d.c.Duration)
	finish := d.now()
	d.to.Store(finish)
	r.used(d.c.PID, before, usageNow(d.c.PID))
	stop()
	err := all.Wait()
	d.drain(ctx)
	d.close()
	d.sum(&r, time.Duration(finish-start))
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	return r, ctx.Err()
}

// drain waits for what is under way.
func (d *mqttDrive) drain(ctx context.Context) {
	for late := time.Now().Add(drainIn); time.Now().Before(late); {
		open := uint64(0)
		for _, p := range d.pubs {
			open += p.sent - p.done()
		}
		if open == 0 || !pause(ctx, time.Millisecond) {
			return
		}
	}
}

// sum adds up what the subscribers counted; all has ended.
func (d *mqttDrive) sum(r *Result, in time.Duration) {
	var took histogram
	var count, twice uint64
	for _, s := range d.subs {
		count += s.count
		twice += s.twice
		r.Lost += s.gaps
		for i, p := range d.pubs {
			r.Lost += p.sent - s.next[i]
		}
		took.merge(&s.took)
	}
	r.Stalls = int(d.stalls.Load())
	r.timed("delivered", count, in, &took)
	if twice > 0 {
		r.more("came twice", float64(twice))
	}
}
