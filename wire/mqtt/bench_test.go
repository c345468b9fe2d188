package mqtt

import "testing"

func BenchmarkPublishIn(b *testing.B) {
	for _, v := range []Version{V311, V5} {
		b.Run(v.String(), func(b *testing.B) {
			raw := (&Publish{Topic: "roost/kitchen/readings", QoS: 1, ID: 7, Payload: []byte(`{"temperature":21.5}`)}).Append(nil, v)
			var p Publish
			b.ReportAllocs()
			for b.Loop() {
				if n, err := Scan(raw, 1<<20); n != len(raw) || err != nil {
					b.Fatal(n, err)
				}
				if err := p.Parse(v, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPublishOut(b *testing.B) {
	p := Publish{Topic: "roost/kitchen/readings", QoS: 1, ID: 7, Payload: []byte(`{"temperature":21.5}`)}
	for _, v := range []Version{V311, V5} {
		b.Run(v.String(), func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = p.Append(buf[:0], v)
			}
		})
	}
}

func BenchmarkPublishWithProperties(b *testing.B) {
	p := Publish{Topic: "roost/kitchen/command", QoS: 1, ID: 7, Payload: []byte(`{"id":"x"}`), Props: fullProps()}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = p.Append(buf[:0], V5)
	}
}

func TestPublishAllocatesNothing(t *testing.T) {
	p := Publish{Topic: "roost/kitchen/readings", QoS: 1, ID: 7, Payload: []byte("1")}
	buf := p.Append(nil, V5)
	var in Publish
	if err := in.Parse(V5, buf); err != nil {
		t.Fatal(err)
	}
	raw := append([]byte(nil), buf...)
	if n := testing.AllocsPerRun(100, func() {
		buf = p.Append(buf[:0], V5)
		_ = in.Parse(V5, raw)
		buf = AppendAck(buf[:0], V5, TypePuback, 7, NotAuthorized)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
