package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roost-iot/roost/wire/mqtt"
)

// valuesEach is how many values a message of readings holds.
const valuesEach = 10

// MQTTReadings measures how many readings of things Roost takes through its door for
// MQTT: each thing says ten numbers in a message of QoS 1 (roost/ID/readings), and
// has 20 messages in flight. Default: 100 things, which are 1,000 series.
func MQTTReadings(ctx context.Context, c Config) (Result, error) {
	c, err := c.mqttDefaults(ctx, load{things: 100, clients: 1, inFlight: 20})
	if err != nil {
		return Result{}, err
	}
	d, err := newMQTTDrive(ctx, c, c.Things, 0, 1)
	defer d.close()
	if err != nil {
		return Result{}, err
	}
	tellers := make([]*teller, len(d.pubs))
	for i, p := range d.pubs {
		tellers[i] = newTeller(p, "bench-"+strconv.Itoa(i))
	}
	r, err := tell(ctx, d, tellers)
	r.Scenario = "readings"
	r.Load = map[string]int{"things": c.Things, "series": c.Things * valuesEach, "in flight each": c.InFlight, "values a message": valuesEach}
	return r, err
}

// tell lets them tell until time is up.
func tell(ctx context.Context, d *mqttDrive, tellers []*teller) (r Result, err error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	all, telling := errgroup.WithContext(running)
	for _, t := range tellers {
		d.reading.Go(t.confirm)
		all.Go(func() error { return t.run(telling) })
	}
	pause(telling, d.c.Warmup)
	before, start := usageNow(d.c.PID), d.now()
	d.from.Store(start)
	pause(telling, d.c.Duration)
	finish := d.now()
	d.to.Store(finish)
	r.used(d.c.PID, before, usageNow(d.c.PID))
	stop()
	err = all.Wait()
	d.drain(ctx)
	d.close()
	var took histogram
	var count uint64
	for _, t := range tellers {
		count += t.count
		took.merge(&t.took)
		r.Lost += (t.sent - t.acked.Load()) * valuesEach
	}
	r.Stalls = int(d.stalls.Load())
	r.timed("taken", count*valuesEach, time.Duration(finish-start), &took)
	if err != nil {
		return r, fmt.Errorf("readings: %w", err)
	}
	return r, ctx.Err()
}

// teller is a thing with ten sensors.
type teller struct {
	*mqttPub
	digits []int                 // where in packet each value's two decimals stand
	left   [1 << 16]atomic.Int64 // when the message with that packet identifier left

	count uint64 // messages acknowledged while it was counted
	took  histogram
}

func newTeller(p *mqttPub, id string) *teller {
	t := &teller{mqttPub: p}
	payload := []byte{'{'}
	var at []int
	for i := range valuesEach {
		if i > 0 {
			payload = append(payload, ',')
		}
		payload = append(payload, `"v`...)
		payload = strconv.AppendInt(payload, int64(i), 10)
		payload = append(payload, `":21.`...)
		at = append(at, len(payload))
		payload = append(payload, "00"...)
	}
	payload = append(payload, '}')
	m := mqtt.Publish{Topic: "roost/" + id + "/readings", QoS: 1, ID: 1, Payload: payload}
	p.packet = m.Append(nil, mqtt.V311)
	p.payload = len(p.packet) - len(payload)
	for _, a := range at {
		t.digits = append(t.digits, p.payload+a)
	}
	return t
}

// run tells as fast as the window lets it.
func (t *teller) run(ctx context.Context) error {
	still := time.NewTimer(stillFor)
	defer still.Stop()
	for ctx.Err() == nil {
		if free := t.d.c.InFlight - int(t.sent-max(t.acked.Load(), t.givenUp)); free > 0 {
			if err := t.write(free); err != nil {
				return err
			}
			still.Reset(stillFor)
			continue
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
		case <-still.C:
			t.d.stalls.Add(1)
			t.givenUp = t.sent
		}
	}
	return nil
}

func (t *teller) write(n int) error {
	now := t.d.now()
	t.out = t.out[:0]
	for range n {
		id := uint16(t.sent%math.MaxUint16) + 1
		binary.BigEndian.PutUint16(t.packet[t.payload-2:], id)
		for k, at := range t.digits {
			v := (t.sent*7 + uint64(k)*13) % 100
			t.packet[at], t.packet[at+1] = byte('0'+v/10), byte('0'+v%10)
		}
		t.left[id].Store(now)
		t.out = append(t.out, t.packet...)
		t.sent++
	}
	_, err := t.conn.Write(t.out)
	return err
}

// confirm counts PUBACKs until the connection ends.
func (t *teller) confirm() {
	for {
		n, now := uint64(0), int64(0)
		err := t.conn.receive(func(head byte, body []byte) {
			if mqtt.TypeOf(head) != mqtt.TypePuback || len(body) < 2 {
				return
			}
			if n++; now == 0 {
				now = t.d.now()
			}
			if now >= t.d.from.Load() && now < t.d.to.Load() {
				t.count++
				t.took.add(time.Duration(now - t.left[binary.BigEndian.Uint16(body)].Load()))
			}
		})
		if err != nil {
			return
		}
		t.acked.Add(n)
		t.rouse()
	}
}
