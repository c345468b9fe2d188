package sqlite

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// BenchmarkBroker publishes QoS 1 in bursts of 20 by many clients to one session that
// is kept and takes and acknowledges everything.
func BenchmarkBroker(b *testing.B) {
	for _, commit := range []bool{false, true} {
		b.Run(fmt.Sprint("commit=", commit), func(b *testing.B) { benchmarkBroker(b, commit) })
	}
}

func benchmarkBroker(b *testing.B, commit bool) {
	s := openNew(b, Config{Durable: commit})
	ctx, stop := context.WithCancel(b.Context())
	br, err := openBroker(ctx, s, commit)
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = br.Run(ctx) }()
	defer func() { stop(); <-done }()
	woken := make(bell, 1)
	sub, _, err := br.Connect(ctx, broker.Connect{
		Client: &broker.Client{ID: "kept", Version: mqtt.V5}, Peer: woken, Expiry: mqtt.NoExpiry,
	})
	if err != nil {
		b.Fatal(err)
	}
	sub.Subscribe(ctx, []mqtt.Subscription{{Filter: "t", QoS: 1}}, 0)
	go read(ctx, sub, woken)
	var clients atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		p, _, err := enter(ctx, br, fmt.Sprint("p", clients.Add(1)))
		if err != nil {
			b.Error(err)
			return
		}
		pubs := make([]broker.Publication, 0, 20)
		payload := make([]byte, 128)
		for more := true; more; {
			pubs = pubs[:0]
			for len(pubs) < cap(pubs) {
				if more = pb.Next(); !more {
					break
				}
				pubs = append(pubs, broker.Publication{Publish: mqtt.Publish{Topic: "t", Payload: payload, QoS: 1, ID: uint16(len(pubs) + 1)}})
			}
			if err := p.Publish(ctx, pubs); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// bell is a transport that rings when there is something to take.
type bell chan struct{}

func (b bell) Wake() {
	select {
	case b <- struct{}{}:
	default:
	}
}

func (bell) Cut(mqtt.ReasonCode) {}

// read takes and acknowledges until ctx ends.
func read(ctx context.Context, sub *broker.Session, woken bell) {
	out := make([]broker.Delivery, 0, 256)
	for {
		var more bool
		if out, more = sub.Take(out[:0], 1<<20); !more && len(out) == 0 {
			select {
			case <-woken:
			case <-ctx.Done():
				return
			}
		}
		for _, d := range out {
			sub.Acked(d.ID, mqtt.Success)
		}
	}
}
