package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// BenchmarkTake measures what the topics cost for each message of a burst of 64 from
// one client, rooms and store included.
func BenchmarkTake(b *testing.B) {
	for _, c := range []struct{ name, topic, payload string }{
		{"plain", "bench/%d", "0123456789"},
		{"pyaiot", "node/n1/r%d", `{"value": "23.4°C"}`},
		{"readings", "roost/n1/readings", `{"temperature": 21.5, "humidity": 45, "led": false}`},
		{"reading", "roost/n1/readings/r%d", "21.5"},
	} {
		b.Run(c.name, func(b *testing.B) {
			rooms := roomtest.Open(b, roomtest.Config{})
			d := New(Config{Core: rooms.Switchboard, Log: slog.New(slog.DiscardHandler), Anonymous: AnonymousAny})
			guest, _ := d.Admit(b.Context(), Login{Remote: "192.0.2.1:1"})
			client := &broker.Client{ID: "c", Version: wire.V5, Guest: guest}
			d.inside.Connected(client, false)
			var pubs []*broker.Publication
			for i := range 64 {
				topic := c.topic
				if topic[len(topic)-1] == 'd' {
					topic = fmt.Sprintf(topic, i%8)
				}
				pubs = append(pubs, &broker.Publication{Publish: wire.Publish{Topic: topic, Payload: []byte(c.payload), QoS: 1}})
			}
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(pubs) {
				d.inside.Take(context.Background(), client, pubs)
			}
			if pubs[0].Reason.Failed() {
				b.Fatal(pubs[0].Reason)
			}
			d.inside.Gone(client, broker.Stopped, false)
		})
	}
}
