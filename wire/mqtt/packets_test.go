package mqtt

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPacketsHaveTheirBytes(t *testing.T) {
	for _, s := range samples() {
		if got := hex.EncodeToString(s.p.Append(nil, s.v)); s.hex != "" && got != s.hex {
			t.Errorf("%s:\n got %s\nwant %s", s.name, got, s.hex)
		}
	}
}

// quick compares payloads as what they are: element by element takes seconds.
var quick = cmp.Comparer(func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) })

func TestPacketsComeBack(t *testing.T) {
	for _, s := range samples() {
		raw := s.p.Append([]byte("before"), s.v)[len("before"):]
		if n, err := Scan(append(raw[:len(raw):len(raw)], 0xff), len(raw)); n != len(raw) || err != nil {
			t.Errorf("%s: Scan gives %d, %v of %d", s.name, n, err, len(raw))
		}
		got, err := Parse(s.v, raw)
		if err != nil {
			t.Errorf("%s: %v\n%x", s.name, err, raw)
			continue
		}
		if diff := cmp.Diff(s.p, got, quick); diff != "" {
			t.Errorf("%s:\n%s", s.name, diff)
		}
		if p, ok := s.p.(*Publish); ok && p.Size(s.v) != len(raw) {
			t.Errorf("%s: Size says %d of %d", s.name, p.Size(s.v), len(raw))
		}
	}
}

// TestPacketsCutShort: no packet is valid when bytes at its end are missing, whether
// its header still counts them or not, but where the standard lets the rest be left out.
func TestPacketsCutShort(t *testing.T) {
	for _, s := range samples() {
		raw := s.p.Append(nil, s.v)
		if len(raw) > 5000 {
			continue
		}
		head, _, _ := header(raw)
		for n := range raw {
			if got, err := Scan(raw[:n], 0); got != 0 || err != nil {
				t.Errorf("%s, %d of %d bytes: Scan gives %d, %v", s.name, n, len(raw), got, err)
			}
			if _, err := Parse(s.v, raw[:n]); err == nil {
				t.Errorf("%s, %d of %d bytes: accepted", s.name, n, len(raw))
			}
			if n < head {
				continue
			}
			short := append(appendVarint([]byte{raw[0]}, n-head), raw[head:n]...)
			got, err := Parse(s.v, short)
			if err == nil && !shorter(s, short, got) {
				t.Errorf("%s, made %d of %d bytes: accepted as %+v", s.name, n, len(raw), got)
			}
			if wrong, ok := errors.AsType[*Error](err); err != nil && (!ok || !wrong.Code.Failed() || wrong.What == "") {
				t.Errorf("%s, made %d bytes: %v", s.name, n, err)
			}
		}
	}
}

// shorter says whether a packet may end where it was cut.
func shorter(s sample, cut []byte, got Packet) bool {
	switch p := got.(type) {
	case *Publish: // a shorter payload
		return p.Topic == s.p.(*Publish).Topic
	case *Subscribe, *Unsubscribe: // fewer filters
		return bytes.HasPrefix(s.p.Append(nil, s.v)[2:], cut[2:])
	case *Suback, *Unsuback: // fewer codes
		return true
	case *Connect: // 3.1 without user name or password
		return s.v == V31
	case *Connack: // the form of 3.1.1
		return s.v == V5 && len(cut) == 4
	case *Ack, *Disconnect, *Auth: // the end left out that says nothing
		return s.v == V5 && len(cut) <= 5
	}
	return false
}

func TestBytesBehindTheEndAreRefused(t *testing.T) {
	for _, s := range samples() {
		switch s.p.(type) {
		case *Publish, *Subscribe, *Unsubscribe, *Suback, *Unsuback:
			continue
		}
		raw := s.p.Append(nil, s.v)
		head, rest, _ := header(raw)
		long := append(appendVarint([]byte{raw[0]}, rest+9), raw[head:]...)
		long = append(long, "surplus.."...)
		if got, err := Parse(s.v, long); err == nil {
			t.Errorf("%s with bytes behind its end: accepted as %+v", s.name, got)
		}
	}
}

func TestOldVersionsGetWhatTheyKnow(t *testing.T) {
	for want, p := range map[string]Packet{
		"20020004":          &Connack{Code: BadUserNameOrPassword, Reason: "no"},
		"20020003":          &Connack{Code: QuotaExceeded, SessionPresent: true},
		"90040001" + "8002": &Suback{ID: 1, Codes: []ReasonCode{TopicFilterInvalid, GrantedQoS2}, Reason: "x"},
		"40020001":          &Ack{Type: TypePuback, ID: 1, Code: NotAuthorized, Reason: "x"},
		"b0020001":          &Unsuback{ID: 1, Codes: []ReasonCode{Success}},
		"e000":              &Disconnect{Code: ServerShuttingDown, Reason: "x"},
		"3003000161":        &Publish{Topic: "a", Props: fullProps()},
	} {
		if got := hex.EncodeToString(p.Append(nil, V311)); got != want {
			t.Errorf("%+v: %s, want %s", p, got, want)
		}
	}
}

func TestReadTakesPacketsOffAStream(t *testing.T) {
	var stream []byte
	for _, s := range answers() {
		if s.v == V5 {
			stream = s.p.Append(stream, V5)
		}
	}
	r := bufio.NewReader(bytes.NewReader(stream))
	for _, s := range answers() {
		if s.v != V5 {
			continue
		}
		got, err := Read(r, V5, 1000)
		if diff := cmp.Diff(s.p, got); err != nil || diff != "" {
			t.Fatalf("%s: %v\n%s", s.name, err, diff)
		}
	}
	if _, err := Read(r, V5, 1000); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if _, err := Read(bufio.NewReader(strings.NewReader("\x30\x7f\x00")), V5, 100); err == nil {
		t.Error("a packet beyond the bound was read")
	}
}

func TestTopicsTooLongAreCutToWholeCharacters(t *testing.T) {
	long := strings.Repeat("x", maxString-1) + "é"
	raw := (&Publish{Topic: long, Payload: []byte("p")}).Append(nil, V5)
	var p Publish
	if err := p.Parse(V5, raw); err != nil || p.Topic != long[:maxString-1] || string(p.Payload) != "p" {
		t.Errorf("%v, a topic of %d", err, len(p.Topic))
	}
}
