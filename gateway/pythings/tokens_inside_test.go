package pythings

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// What was unpacked is packed to the same bytes, whatever they are.
func FuzzUnpack(f *testing.F) {
	for _, t := range []Token{{}, {Project: "p", TID: "t", App: "a", Run: "r", Started: time.Unix(7, 0), Encrypted: true, ByAccount: true}, {App: "5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10"}} {
		f.Add(t.pack())
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := unpack(b)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Error(err)
			}
			return
		}
		again, err := unpack(token.pack())
		if err != nil || again != token {
			t.Errorf("%x: %+v came back as %+v, %v", b, token, again, err)
		}
		if b[0]&^7 == 0 && b[0]&flagUUID == 0 && len(token.App) != 36 && !bytes.Equal(token.pack(), b) {
			t.Errorf("%x is packed as %x", b, token.pack())
		}
	})
}
