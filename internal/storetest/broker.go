package storetest

import (
	"bytes"
	"errors"
	"testing"
)

// entry is one of the broker's journal. Its bytes are text, which is compared at
// once: byte by byte a big one takes minutes under the race detector.
type entry struct {
	Number int64
	Bytes  string
}

func (b *bench) entries() (all []entry) {
	b.t.Helper()
	b.must(b.BrokerEntries(b.t.Context(), func(number int64, e []byte) error {
		all = append(all, entry{number, string(e)})
		return nil
	}))
	return all
}

func testBroker(t *testing.T, b *bench) {
	ctx := t.Context()
	same(t, "entries of a new store", b.entries(), []entry(nil))
	var want []entry
	for _, text := range []string{"first", "\x00\xff", "third"} {
		want = append(want, entry{get(b.AppendBroker(ctx, []byte(text)))(t), text})
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	want = append(want, entry{get(b.AppendBroker(ctx, big))(t), string(big)})
	for i := 1; i < len(want); i++ {
		if want[i].Number <= want[i-1].Number {
			t.Errorf("number %d after %d", want[i].Number, want[i-1].Number)
		}
	}
	b.reopen()
	same(t, "entries in order", b.entries(), want)

	b.must(b.TrimBroker(ctx, want[2].Number))
	b.must(b.TrimBroker(ctx, want[2].Number))
	b.reopen()
	same(t, "entries after a trim", b.entries(), want[2:])

	last := want[3].Number
	b.must(b.TrimBroker(ctx, last+1))
	b.reopen()
	same(t, "entries after a trim of all", b.entries(), []entry(nil))
	if again := get(b.AppendBroker(ctx, []byte("again")))(t); again <= last {
		t.Errorf("number %d was given out before (%d)", again, last)
	}
	stop := errors.New("enough")
	if err := b.BrokerEntries(ctx, func(int64, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the reader came back as %v", err)
	}
}
