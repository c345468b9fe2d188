package mqttsn_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// What is read is written and read again as the same.
func FuzzParse(f *testing.F) {
	for _, frame := range frames {
		f.Add(raw(f, frame.hex))
	}
	f.Add([]byte{1, 0, 4, 0x16})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mqttsn.Parse(b)
		if err != nil {
			return
		}
		out, err := m.Append(nil)
		if err != nil {
			t.Fatalf("%X was read as %+v, which can not be written: %v", b, m, err)
		}
		if len(out) > len(b) {
			t.Errorf("%X grew to %X", b, out)
		}
		again, err := mqttsn.Parse(out)
		if d := cmp.Diff(m, again, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Errorf("%X came back as %X: %v\n%s", b, out, err, d)
		}
	})
}
