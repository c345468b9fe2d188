package mqtt

import (
	"bytes"
	"testing"
)

// FuzzParse: nothing panics, and what was taken survives being written and read again.
func FuzzParse(f *testing.F) {
	for _, s := range samples() {
		if raw := s.p.Append(nil, s.v); len(raw) < 2000 {
			f.Add(byte(s.v), raw)
		}
	}
	f.Add(byte(5), []byte{0x30, 0x80, 0x00})
	f.Add(byte(5), []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, level byte, raw []byte) {
		v := V31 + Version(level%3)
		n, err := Scan(raw, 1<<16)
		if n > len(raw) || n > 1<<16 || n > 0 && n != Want(raw) {
			t.Fatalf("Scan: %d, %v", n, err)
		}
		if err != nil || n == 0 {
			return
		}
		p, err := Parse(v, raw[:n])
		if err != nil {
			return
		}
		if c, ok := p.(*Connect); ok {
			v = c.Version
		}
		first := p.Append(nil, v)
		again, err := Parse(v, first)
		if err != nil {
			t.Fatalf("%+v: %v\n%x\n%x", p, err, raw[:n], first)
		}
		if second := again.Append(nil, v); !bytes.Equal(first, second) {
			t.Fatalf("%+v\n%x\n%x", p, first, second)
		}
		if pub, ok := p.(*Publish); ok && pub.Size(v) != len(first) {
			t.Fatalf("Size says %d of %d", pub.Size(v), len(first))
		}
	})
}

// FuzzMatch: a filter made from a topic matches it, whatever levels become wildcards.
func FuzzMatch(f *testing.F) {
	f.Add("a/b/c", uint16(0b10))
	f.Add("/", uint16(0b11))
	f.Add("$SYS/x", uint16(0b10))
	f.Fuzz(func(t *testing.T, topic string, wild uint16) {
		if ValidTopic(topic) != nil {
			return
		}
		filter := widen(topic, wild)
		if err := ValidFilter(filter); err != nil && topic[0] != '$' {
			t.Fatalf("%q: %v", filter, err)
		}
		want := topic[0] != '$' || filter[0] == '$'
		if got := Match(filter, topic); got != want {
			t.Fatalf("%q on %q: %v", filter, topic, got)
		}
	})
}

func widen(topic string, wild uint16) string {
	levels := bytes.Split([]byte(topic), []byte("/"))
	for i := range levels {
		if i < 15 && wild&(1<<i) != 0 {
			levels[i] = []byte("+")
		}
	}
	if wild&(1<<15) != 0 {
		levels = append(levels[:len(levels)-1], []byte("#"))
	}
	return string(bytes.Join(levels, []byte("/")))
}
