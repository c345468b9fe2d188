package broker_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// flood publishes n bursts of 10 and gives how long that took.
func flood(t *testing.T, p *client, bursts int, qos byte) time.Duration {
	t.Helper()
	began := time.Now()
	for range bursts {
		pubs := make([]broker.Publication, 10)
		for i := range pubs {
			pubs[i].Publish = mqtt.Publish{Topic: "a", QoS: qos, ID: uint16(i + 1)}
		}
		if err := p.Publish(t.Context(), pubs); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}

func TestPublisherWaitsForOneThatReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Config{Limits: broker.Limits{MaxQueued: 2000}})
		c := connect(t, b, "c").subscribe("a", 1)
		p := connect(t, b, "p")
		over := make(chan struct{})
		got := 0
		var reads sync.WaitGroup
		reads.Go(func() {
			for {
				select {
				case <-over:
					got += len(c.payloads())
					return
				case <-time.After(50 * time.Millisecond): // 600 of QoS 1 each time
				}
				for range 6 {
					row, _ := c.Take(make([]broker.Delivery, 0, 100), 1<<20)
					for _, d := range row {
						got++
						c.confirm(d)
					}
				}
			}
		})
		flood(t, p, 1000, 1)
		close(over)
		reads.Wait()
		if s := b.Stats(); got != 10_000 || s.Dropped != 0 || len(c.wasCut()) != 0 {
			t.Errorf("%d of 10000 delivered, %d dropped, cut %v", got, s.Dropped, c.wasCut())
		}
	})
}

func TestOneThatDoesNotReadHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Config{Limits: broker.Limits{MaxQueued: 1000}})
		for _, id := range []string{"1", "2", "3"} {
			connect(t, b, id).subscribe("a", 0)
		}
		p := connect(t, b, "p").subscribe("a", 0) // its own row fills, too
		if took := flood(t, p, 1000, 0); took > time.Second {
			t.Errorf("10000 messages took %v", took)
		}
	})
}
