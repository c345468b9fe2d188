package coap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func token(t testing.TB, s string) Token {
	t.Helper()
	k, err := NewToken(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// known are messages with their bytes; the first two are of RFC 7252, figures
// 16 and 17.
func known(t testing.TB) map[string]Message {
	t.Helper()
	temperature := Message{Code: GET, ID: 0x7d34}
	temperature.Options.SetPath("/temperature")
	alive := Message{Type: NonConfirmable, Code: POST, ID: 0x0102, Token: token(t, "abcd"), Payload: []byte("reset:X")}
	alive.Options.SetPath("/alive")
	alive.Options.SetFormat(TextPlain)
	long := Message{Type: Confirmable, Code: PUT, ID: 1, Token: token(t, "0102030405060708")}
	long.Options.Add(URIHost, bytes.Repeat([]byte("h"), 20))
	long.Options.SetUint(Size1, 70000)
	long.Options.Add(2048, bytes.Repeat([]byte("z"), 300))
	return map[string]Message{
		"40017d34bb74656d7065726174757265": temperature,
		"60457d34ff32322e332043": {
			Type: Acknowledgement, Code: Content, ID: 0x7d34, Payload: []byte("22.3 C"),
		},
		"40000001": {ID: 1},
		"7000ffff": {Type: Reset, ID: 0xffff},
		"52020102abcdb5616c69766510ff72657365743a58": alive,
		"480300010102030405060708" + "3d07" + hex.EncodeToString(bytes.Repeat([]byte("h"), 20)) +
			"d32c011170" + "ee06b7001f" + hex.EncodeToString(bytes.Repeat([]byte("z"), 300)): long,
	}
}

func TestMessageHasTheseBytes(t *testing.T) {
	for text, want := range known(t) {
		b := unhex(t, text)
		m, err := Parse(b)
		if err != nil || !m.Equal(want) {
			t.Errorf("Parse %s: %v %+v, %v", text, &m, m.Options, err)
		}
		if got := want.Append([]byte("x")); string(got) != "x"+string(b) {
			t.Errorf("Append: %x, want %s", got[1:], text)
		}
	}
}

// Cut anywhere, a message is either refused or a shorter message: never a panic
// and never bytes that are not there.
func TestMessageCutAnywhere(t *testing.T) {
	for text, want := range known(t) {
		b := unhex(t, text)
		for n := range b {
			m, err := Parse(b[:n:n])
			if n < 4+want.Token.Len() && err == nil {
				t.Errorf("%s cut to %d bytes is taken for %v", text, n, &m)
			}
			if err == nil && !bytes.Equal(m.Append(nil), b[:n]) {
				t.Errorf("%s cut to %d bytes comes back as %x", text, n, m.Append(nil))
			}
		}
	}
}

func TestMalformedMessages(t *testing.T) {
	for text, want := range map[string]error{
		"":                                ErrTruncated,
		"400100":                          ErrTruncated,
		"00010001":                        ErrVersion,
		"80010001":                        ErrVersion,
		"c0010001":                        ErrVersion,
		"49010001" + "010203040506070809": ErrTokenLength,
		"4f010001" + "0102030405060708090a0b0c0d0e0f": ErrTokenLength,
		"4f000001":             ErrTokenLength,
		"420100010a":           ErrTruncated,
		"4100000101":           ErrNotEmpty,
		"40000001ff":           ErrNotEmpty,
		"4000000110":           ErrNotEmpty,
		"40010001ff":           ErrNoPayload,
		"40010001f0":           ErrOption,
		"400100010f":           ErrOption,
		"40010001d0":           ErrTruncated,
		"40010001e000":         ErrTruncated,
		"400100010d":           ErrTruncated,
		"40010001b5616c":       ErrTruncated,
		"40010001e0fff0":       ErrOption, // option 65,789 does not exist
		"40010001e0fef2e0fef2": ErrOption, // the sum is above 65,535
		"40010001e0fef210":     ErrOption, // 65,535 and one more
		"40010001e0fef2":       nil,       // 65,535 itself is one
	} {
		if _, err := Parse(unhex(t, text)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func TestTokenLengthsNineToFifteenAreFormatErrors(t *testing.T) {
	for n := range 16 {
		b := append([]byte{0x40 | byte(n), byte(GET), 0, 1}, make([]byte, n)...)
		m, err := Parse(b)
		if n <= 8 && (err != nil || m.Token.Len() != n) {
			t.Errorf("token of %d bytes: %v", n, err)
		}
		if n > 8 && !errors.Is(err, ErrTokenLength) {
			t.Errorf("token of %d bytes: %v, want ErrTokenLength", n, err)
		}
	}
}

func TestHeaderOfWhatCannotBeParsed(t *testing.T) {
	typ, id, ok := Header(unhex(t, "4f01abcd"))
	if !ok || typ != Confirmable || id != 0xabcd {
		t.Errorf("%v %x %v", typ, id, ok)
	}
	if _, _, ok := Header(unhex(t, "8f01abcd")); ok {
		t.Error("a header of version 2")
	}
	if _, _, ok := Header(unhex(t, "4f01ab")); ok {
		t.Error("a header of three bytes")
	}
}

func TestUnsortedOptionsAreWrittenInOrder(t *testing.T) {
	m := Message{Code: GET, Options: Options{{Size1, []byte{1}}, {URIPath, []byte("a")}, {URIPath, []byte("b")}}}
	got, err := Parse(m.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Options{{URIPath, []byte("a")}, {URIPath, []byte("b")}, {Size1, []byte{1}}}
	if !got.Options.equal(want) {
		t.Errorf("%v", got.Options)
	}
	if m.Options[0].Number != Size1 {
		t.Error("Append has sorted the message itself")
	}
}

func TestCheckFindsOptionsOfAWrongLength(t *testing.T) {
	var m Message
	m.Options.Add(URIPath, make([]byte, 255))
	if err := m.Check(); err != nil {
		t.Errorf("255 bytes: %v", err)
	}
	m.Options.Add(URIPath, make([]byte, 256))
	if err := m.Check(); !errors.Is(err, ErrOptionLength) {
		t.Errorf("256 bytes: %v", err)
	}
}

func TestParseAgainAllocatesNothing(t *testing.T) {
	b := unhex(t, "52020102abcdb5616c69766510ff72657365743a58")
	var m Message
	out := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		if m.Parse(b) != nil {
			t.Fatal("parse")
		}
		out = m.Append(out[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	b := unhex(t, "52020102abcdb5616c69766510ff72657365743a58")
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	c := m.Clone()
	want := c.Append(nil)
	clear(b)
	if !bytes.Equal(c.Append(nil), want) {
		t.Error("the clone changed with the datagram")
	}
}

func FuzzParse(f *testing.F) {
	for text := range known(f) {
		f.Add(unhex(f, text))
	}
	for _, text := range []string{"4f010001", "40010001ff", "40010001f0", "400100010f", "40010001e0fef210", "4000000110"} {
		f.Add(unhex(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		if got := m.Append(nil); !bytes.Equal(got, b) {
			t.Errorf("%x came back as %x", b, got)
		}
		if again, err := Parse(m.Append(nil)); err != nil || !again.Equal(m) {
			t.Errorf("%x came back as %v, %v", b, &again, err)
		}
		var o Options
		o.SetPath(m.Options.Path())
		if o.Path() != m.Options.Path() {
			t.Errorf("path %q came back as %q", m.Options.Path(), o.Path())
		}
		m.Options.Unrecognized(func(OptionNumber) bool { return true })
		_, _, _ = m.Options.Block(Block1)
	})
}

func BenchmarkParse(b *testing.B) {
	raw := unhex(b, "52020102abcdb5616c69766510ff72657365743a58")
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	m, err := Parse(unhex(b, "52020102abcdb5616c69766510ff72657365743a58"))
	if err != nil {
		b.Fatal(err)
	}
	out := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		out = m.Append(out[:0])
	}
}
