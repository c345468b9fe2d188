package mqtt

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestMalformedPacketsAreNamed(t *testing.T) {
	const connect5, connect4 = "00044d51545405", "00044d51545404"
	for _, c := range []struct {
		v    Version
		body string // hex of the first byte and of what follows the length
		code ReasonCode
		what string
	}{
		{V311, "10" + "00044d51545406" + "020000" + "000163", UnsupportedProtocolVersion, "level"},
		{V311, "10" + "00064d514973647004" + "020000" + "000163", UnsupportedProtocolVersion, "level"},
		{V311, "10" + "00044854545004" + "020000" + "000163", ProtocolError, "not MQTT"},
		{V311, "11" + connect4 + "020000" + "000163", MalformedPacket, "flags"},
		{V311, "10" + connect4 + "030000" + "000163", MalformedPacket, "reserved flag"},
		{V311, "10" + connect4 + "1e0000" + "000163" + "000177" + "0000", MalformedPacket, "QoS 3"},
		{V311, "10" + connect4 + "0a0000" + "000163", MalformedPacket, "not there"},
		{V311, "10" + connect4 + "220000" + "000163", MalformedPacket, "not there"},
		{V311, "10" + connect4 + "420000" + "000163" + "000170", MalformedPacket, "without a user"},
		{V311, "10" + connect4 + "060000" + "000163" + "000123" + "0000", TopicNameInvalid, "will"},
		{V311, "10" + connect4 + "020000" + "000100", MalformedPacket, "UTF-8"},
		{V311, "10" + connect4 + "020000" + "0003eda080", MalformedPacket, "UTF-8"},
		{V5, "10" + connect5 + "020000" + "0311000000" + "000163", MalformedPacket, "early"},
		{V5, "10" + connect5 + "020000" + "06210001210001" + "000163", ProtocolError, "twice"},
		{V5, "10" + connect5 + "020000" + "03210000" + "000163", ProtocolError, "may not be 0"},
		{V5, "10" + connect5 + "020000" + "052700000000" + "000163", ProtocolError, "may not be 0"},
		{V5, "10" + connect5 + "020000" + "021902" + "000163", ProtocolError, "0 or 1"},
		{V5, "10" + connect5 + "020000" + "03230001" + "000163", MalformedPacket, "belong"},
		{V5, "10" + connect5 + "020000" + "027f01" + "000163", MalformedPacket, "belong"},
		{V5, "10" + connect5 + "020000" + "0416000164" + "000163", ProtocolError, "without a method"},
		{V5, "10" + connect5 + "020000" + "ffffffff01", MalformedPacket, "four bytes"},
		{V311, "20" + "0006", MalformedPacket, "not known"},
		{V311, "20" + "0200", MalformedPacket, "flags"},
		{V5, "20" + "00" + "01" + "00", ProtocolError, "cannot have"},
		{V311, "36" + "0001610001", MalformedPacket, "QoS 3"},
		{V311, "38" + "000161", MalformedPacket, "duplicate"},
		{V311, "30" + "0000", ProtocolError, "no topic"},
		{V5, "30" + "0000" + "00", ProtocolError, "no topic"},
		{V311, "30" + "0003612f23", TopicNameInvalid, "wildcards"},
		{V311, "30" + "0003612f2b", TopicNameInvalid, "wildcards"},
		{V311, "30" + "0002ff61", MalformedPacket, "UTF-8"},
		{V311, "32" + "0001610000", ProtocolError, "may not be 0"},
		{V5, "30" + "000161" + "03230000", TopicAliasInvalid, "alias"},
		{V5, "30" + "000161" + "0408000123", ProtocolError, "response topic"},
		{V5, "30" + "000161" + "020b00", ProtocolError, "may not be 0"},
		{V5, "30" + "000161" + "020102", ProtocolError, "0 or 1"},
		{V5, "30" + "000161" + "05260001", MalformedPacket, "longer than"},
		{V311, "40" + "0000", ProtocolError, "may not be 0"},
		{V311, "42" + "0001", MalformedPacket, "flags"},
		{V311, "60" + "0001", MalformedPacket, "flags"},
		{V5, "62" + "0001" + "10", ProtocolError, "cannot have"},
		{V5, "40" + "0001" + "92", ProtocolError, "cannot have"},
		{V311, "80" + "0001" + "00016100", MalformedPacket, "flags"},
		{V311, "82" + "0001", ProtocolError, "no topic filter"},
		{V311, "82" + "0001" + "00016103", ProtocolError, "QoS 3"},
		{V311, "82" + "0001" + "00016104", MalformedPacket, "reserved"},
		{V5, "82" + "0001" + "00" + "00016140", MalformedPacket, "reserved"},
		{V5, "82" + "0001" + "00" + "00016130", ProtocolError, "handling"},
		{V5, "82" + "0001" + "020b00" + "00016100", ProtocolError, "may not be 0"},
		{V5, "82" + "0001" + "00" + "000a2473686172652f672f6104", ProtocolError, "no local"},
		{V311, "a2" + "0001", ProtocolError, "no topic filter"},
		{V311, "90" + "0001" + "03", ProtocolError, "cannot have"},
		{V311, "c1", MalformedPacket, "flags"},
		{V311, "c000", MalformedPacket, "behind"},
		{V311, "e000", MalformedPacket, "behind"},
		{V5, "e0" + "01", ProtocolError, "cannot have"},
		{V311, "f0", ProtocolError, "MQTT 5 only"},
		{V5, "f0" + "04", ProtocolError, "cannot have"},
		{V5, "00", MalformedPacket, "reserved"},
	} {
		raw, err := hex.DecodeString(c.body)
		if err != nil {
			t.Fatal(c.body, err)
		}
		packet := append(appendVarint(raw[:1:1], len(raw)-1), raw[1:]...)
		_, err = Parse(c.v, packet)
		wrong, ok := errors.AsType[*Error](err)
		if !ok || wrong.Code != c.code || !strings.Contains(wrong.What, c.what) {
			t.Errorf("MQTT %v %s: %v, want %v with %q", c.v, c.body, err, c.code, c.what)
		}
	}
}

func TestScanBoundsWhatItWaitsFor(t *testing.T) {
	for _, c := range []struct {
		hex  string
		max  int
		code ReasonCode
	}{
		{"30ffffffff", 0, MalformedPacket},
		{"3080808080", 0, MalformedPacket},
		{"30ff7f", 1000, PacketTooLarge},
		{"3063", 100, PacketTooLarge},
	} {
		raw, _ := hex.DecodeString(c.hex)
		n, err := Scan(raw, c.max)
		if wrong, ok := errors.AsType[*Error](err); !ok || wrong.Code != c.code || n != 0 {
			t.Errorf("%s: %d, %v", c.hex, n, err)
		}
	}
	for _, s := range []string{"", "30", "3062", "30ffffff", "30ffffff7f"} {
		raw, _ := hex.DecodeString(s)
		if n, err := Scan(raw, 0); n != 0 || err != nil {
			t.Errorf("%s: %d, %v", s, n, err)
		}
	}
	// A longer form than needed is no fault.
	if n, err := Scan([]byte{0xc0, 0x80, 0x00}, 0); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestVersion31IsTakenAsItIsSpoken(t *testing.T) {
	for _, c := range []struct{ name, hex string }{
		{"without the user name that its flags promise", "1012" + "00064d514973647003" + "c20001" + "0004" + "6e6f6465"},
		{"a reserved flag", "1012" + "00064d514973647003" + "030001" + "0004" + "6e6f6465"},
		{"PUBREL again", "6a020001"},
		{"SUBSCRIBE again", "8a06" + "0001" + "000161" + "01"},
	} {
		raw, _ := hex.DecodeString(c.hex)
		if _, err := Parse(V31, raw); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
