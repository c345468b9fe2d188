package broker_test

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
)

// TestSharedSubscriptionLosesNothingWhileItsMemberWakes: who is looked for among those
// away may be here by now.
func TestSharedSubscriptionLosesNothingWhileItsMemberWakes(t *testing.T) {
	const all = 100_000
	b := broker.New(broker.Config{Limits: broker.Limits{MaxQueued: 3 * all}})
	c := connect(t, b, "c", keep(60)).subscribe("$share/g/a", 1)
	over := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for asleep := false; ; asleep = !asleep {
			select {
			case <-over:
				return
			default:
				c.Asleep(asleep)
			}
		}
	})
	for range all {
		b.Publish(&broker.Message{Topic: "a", QoS: 1})
	}
	close(over)
	work.Wait()
	if n := len(c.payloads()); n != all {
		t.Errorf("%d of %d came", n, all)
	}
}

// TestItemWithoutMessageIsPassedOver: a journal that says so is damaged, but no reason
// not to start.
func TestItemWithoutMessageIsPassedOver(t *testing.T) {
	const version, session, item, released = 1, 1, 6, 8
	entry := []byte{version, session, 1, 1, 'c'}
	entry = binary.AppendUvarint(entry, 1<<32-1) // it lasts
	entry = append(entry, 1)                     // and is away
	entry = append(entry, item, 1, 1, 0, 1, released, 0, 0, 0)
	j := new(tape)
	if _, err := j.AppendBroker(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	b := broker.New(broker.Config{Journal: j})
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := connect(t, b, "c", keep(60)); !c.present {
		t.Error("the session is not there")
	}
}
