package broker

import (
	"context"
	"math"
	"testing"

	"github.com/roost-iot/roost/wire/mqtt"
)

// nowhere is a journal that keeps nothing.
type nowhere struct{ entries int64 }

func (n *nowhere) AppendBroker(context.Context, []byte) (int64, error) {
	n.entries++
	return n.entries, nil
}

func (n *nowhere) TrimBroker(context.Context, int64) error                        { return nil }
func (n *nowhere) BrokerEntries(context.Context, func(int64, []byte) error) error { return nil }

// TestBatchesOfTheJournalAreCountedForEver: 1,000 a second are 2^32 in 50 days.
func TestBatchesOfTheJournalAreCountedForEver(t *testing.T) {
	b := New(Config{Journal: new(nowhere)})
	b.journal.gen = math.MaxUint32
	for _, topic := range []string{"a", "b", "c"} {
		if !b.retain(&Message{Topic: topic, Payload: []byte("x"), Retain: true, Props: new(mqtt.PublishProps)}, new(effects)) {
			t.Fatal("there is no room")
		}
		if err := b.journal.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.journal.store.(*nowhere).entries; n != 3 || b.journal.settled < math.MaxUint32 {
		t.Errorf("%d entries are written, up to batch %d", n, b.journal.settled)
	}
}

// door notes how its connection was cut.
type door struct{ cut mqtt.ReasonCode }

func (*door) Wake()                   {}
func (d *door) Cut(c mqtt.ReasonCode) { d.cut = c }

// TestOldConnectionEndsThoughThereIsNoRoomForTheNew: its session is gone, and another
// client has had the place meanwhile.
func TestOldConnectionEndsThoughThereIsNoRoomForTheNew(t *testing.T) {
	b := New(Config{Limits: Limits{MaxSessions: 1}})
	old := new(door)
	c := Connect{Client: &Client{ID: "c", Version: mqtt.V5}, Peer: old, CleanStart: true}
	if _, _, err := b.Connect(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.count.sessions.Add(1)
	c.Peer = new(door)
	if _, _, err := b.Connect(t.Context(), c); err == nil {
		t.Fatal("there was room")
	}
	if old.cut != mqtt.SessionTakenOver {
		t.Errorf("the old connection was cut with %v", old.cut)
	}
}
