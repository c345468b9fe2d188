package mqttsn_test

import (
	"testing"

	"github.com/roost-iot/roost/wire/mqttsn"
)

func BenchmarkReadPublish(b *testing.B) {
	datagram := raw(b, "170C20000112357B226964223A20226D7174742D32227D")
	b.ReportAllocs()
	for b.Loop() {
		_, body, _, err := mqttsn.Scan(datagram)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mqttsn.ReadPublish(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPublish(b *testing.B) {
	m := mqttsn.Publish{QoS: 1, Topic: 1, MsgID: 2, Data: []byte(`{"value":"23.4°C"}`)}
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = m.Append(buf[:0])
	}
}
