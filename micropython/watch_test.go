package micropython

import (
	"bytes"
	"testing"
)

// looping is a module with an import, a global and a function that loops:
//
//	(import "m" "t" (func (result i32))) (global i32 (i32.const 0))
//	(func i64.const -1 drop loop br 1 end loop br 0 end)
var looping = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x08\x02\x60\x00\x01\x7f\x60\x00\x00" + // types
	"\x02\x07\x01\x01m\x01t\x00\x00" + // imports
	"\x03\x02\x01\x01" + // functions
	"\x06\x06\x01\x7f\x00\x41\x00\x0b" + // globals
	"\x0a\x11\x01\x0f\x00\x42\x7f\x1a\x03\x40\x0c\x01\x0b\x03\x40\x0c\x00\x0b\x0b") // code

func TestLoopsAreGivenACountdown(t *testing.T) {
	got, err := watched(looping, "t")
	if err != nil {
		t.Fatal(err)
	}
	head := countdown(1, 0)
	for _, want := range [][]byte{
		[]byte("\x06\x0d\x02\x7f\x00\x41\x00\x0b\x7f\x01\x41\x90\xce\x00\x0b"),
		append(append([]byte("\x42\x7f\x1a\x03\x40"), head...), "\x0c\x01\x0b"...),
		[]byte("\x03\x40\x00\x0c\x00\x0b\x0b"),
	} {
		if !bytes.Contains(got, want) {
			t.Errorf("% x\nis not in % x", want, got)
		}
	}
	if _, err := watched(looping, "nothing"); err == nil {
		t.Error("there is no such import")
	}
}

// Whatever the bytes are, they are refused or rewritten, and nothing hangs.
func FuzzWatched(f *testing.F) {
	f.Add(looping)
	f.Add(looping[:20])
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x0a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, module []byte) {
		if got, err := watched(module, "t"); err == nil && len(got) < 8 {
			t.Errorf("% x became % x", module, got)
		}
	})
}
