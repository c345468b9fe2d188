package mqttsn_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// frames are one of each kind and more, with their bytes.
var frames = []struct {
	hex string
	m   mqttsn.Message
}{
	{"05000A0384", mqttsn.Advertise{Gateway: 10, Duration: 900}},
	{"030102", mqttsn.SearchGW{Radius: 2}},
	{"030207", mqttsn.GWInfo{Gateway: 7}},
	{"0702077F000001", mqttsn.GWInfo{Gateway: 7, Address: []byte{127, 0, 0, 1}}},
	{"0C04040101686D7174742D32", mqttsn.Connect{Clean: true, Duration: 360, ClientID: "mqtt-2"}},
	{"070408010000" + "61", mqttsn.Connect{Will: true, ClientID: "a"}},
	{"030500", mqttsn.Connack{}},
	{"030501", mqttsn.Connack{Code: mqttsn.Congestion}},
	{"0206", mqttsn.WillTopicReq{}},
	{"0207", mqttsn.WillTopic{}},
	{"06073077" + "2F78", mqttsn.WillTopic{QoS: 1, Retain: true, Topic: "w/x"}},
	{"0208", mqttsn.WillMsgReq{}},
	{"0209", mqttsn.WillMsg{}},
	{"0509627965", mqttsn.WillMsg{Message: []byte("bye")}},
	{"100A000012346E6F64652F636865636B", mqttsn.Register{MsgID: 0x1234, Name: "node/check"}},
	{"070B0001123400", mqttsn.Regack{TopicID: 1, MsgID: 0x1234}},
	{"170C20000112357B226964223A20226D7174742D32227D", mqttsn.Publish{QoS: 1, Topic: 1, MsgID: 0x1235, Data: []byte(`{"id": "mqtt-2"}`)}},
	{"070C62616200" + "00", mqttsn.Publish{QoS: -1, Kind: mqttsn.Short, Topic: 0x6162}},
	{"080CD1000500" + "0978", mqttsn.Publish{Dup: true, QoS: 2, Retain: true, Kind: mqttsn.Predefined, Topic: 5, MsgID: 9, Data: []byte("x")}},
	{"070D0001123500", mqttsn.Puback{Topic: 1, MsgID: 0x1235}},
	{"070D0001123502", mqttsn.Puback{Topic: 1, MsgID: 0x1235, Code: mqttsn.InvalidTopicID}},
	{"040F0009", mqttsn.Pubrec{MsgID: 9}},
	{"04100009", mqttsn.Pubrel{MsgID: 9}},
	{"040E0009", mqttsn.Pubcomp{MsgID: 9}},
	{"0B12200001612F232F62" + "63", mqttsn.Subscribe{QoS: 1, MsgID: 1, Topic: mqttsn.Topic{Name: "a/#/bc"}}},
	{"0712C100020007", mqttsn.Subscribe{Dup: true, QoS: 2, MsgID: 2, Topic: mqttsn.Topic{Kind: mqttsn.Predefined, ID: 7}}},
	{"07120200036162", mqttsn.Subscribe{MsgID: 3, Topic: mqttsn.Topic{Kind: mqttsn.Short, ID: 0x6162}}},
	{"0813200001000200", mqttsn.Suback{QoS: 1, TopicID: 1, MsgID: 2}},
	{"08140000" + "04612F62", mqttsn.Unsubscribe{MsgID: 4, Topic: mqttsn.Topic{Name: "a/b"}}},
	{"07140100050007", mqttsn.Unsubscribe{MsgID: 5, Topic: mqttsn.Topic{Kind: mqttsn.Predefined, ID: 7}}},
	{"04150005", mqttsn.Unsuback{MsgID: 5}},
	{"0216", mqttsn.Pingreq{}},
	{"0416" + "6E31", mqttsn.Pingreq{ClientID: "n1"}},
	{"0217", mqttsn.Pingresp{}},
	{"0218", mqttsn.Disconnect{}},
	{"04180000", mqttsn.Disconnect{Sleep: true}},
	{"0418003C", mqttsn.Disconnect{Sleep: true, Duration: 60}},
	{"021A", mqttsn.WillTopicUpd{}},
	{"051A207778", mqttsn.WillTopicUpd{QoS: 1, Topic: "wx"}},
	{"031B00", mqttsn.WillTopicResp{}},
	{"051C627965", mqttsn.WillMsgUpd{Message: []byte("bye")}},
	{"031D03", mqttsn.WillMsgResp{Code: mqttsn.NotSupported}},
	{"05FE01AABB0216", mqttsn.Encapsulated{Radius: 1, Node: []byte{0xAA, 0xBB}, Message: []byte{2, 0x16}}},
	{"03FE000217", mqttsn.Encapsulated{Message: []byte{2, 0x17}}},
}

func raw(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFramesAreReadAndWritten(t *testing.T) {
	for _, f := range frames {
		b := raw(t, f.hex)
		m, err := mqttsn.Parse(b)
		if err != nil {
			t.Errorf("%s: %v", f.hex, err)
			continue
		}
		if d := cmp.Diff(f.m, m, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s was read wrongly (-want +got):\n%s", f.hex, d)
		}
		out, err := f.m.Append([]byte("before"))
		if err != nil || !bytes.Equal(out, append([]byte("before"), b...)) {
			t.Errorf("%T written as %X, %v; want %s", f.m, out[6:], err, f.hex)
		}
		if m.Type() != f.m.Type() || strings.HasPrefix(m.Type().String(), "type ") {
			t.Errorf("%T calls itself %v", m, m.Type())
		}
	}
}

func TestLongFormIsReadWhateverTheLength(t *testing.T) {
	for _, f := range frames {
		b := raw(t, f.hex)
		if b[1] == 0xFE || int(b[0]) != len(b) {
			continue
		}
		long := append([]byte{1, 0, byte(len(b) + 2)}, b[1:]...)
		m, err := mqttsn.Parse(long)
		if d := cmp.Diff(f.m, m, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Errorf("%X: %v\n%s", long, err, d)
		}
	}
}

func TestFormChangesAt256Bytes(t *testing.T) {
	for n, head := range map[int]string{248: "FF0C", 249: "0101020C", 65526: "01FFFF0C"} {
		b, err := mqttsn.Publish{Data: make([]byte, n)}.Append(nil)
		if err != nil || !bytes.HasPrefix(b, raw(t, head)) {
			t.Errorf("%d bytes of data: frame begins %X, %v; want %s", n, b[:4], err, head)
			continue
		}
		if m, err := mqttsn.Parse(b); err != nil || len(m.(mqttsn.Publish).Data) != n {
			t.Errorf("%d bytes of data did not come back: %v", n, err)
		}
	}
}

func TestTooLongIsNotWritten(t *testing.T) {
	name := strings.Repeat("n", 65536)
	for _, m := range []mqttsn.Message{
		mqttsn.Publish{Data: make([]byte, 65527)},
		mqttsn.Connect{ClientID: name},
		mqttsn.Register{Name: name},
		mqttsn.WillTopic{Topic: name},
		mqttsn.WillMsgUpd{Message: []byte(name)},
		mqttsn.Pingreq{ClientID: name},
		mqttsn.Subscribe{Topic: mqttsn.Topic{Name: name}},
		mqttsn.Unsubscribe{Topic: mqttsn.Topic{Name: name}},
		mqttsn.GWInfo{Address: []byte(name)},
		mqttsn.Encapsulated{Node: []byte(name)},
	} {
		var fault *mqttsn.Error
		if _, err := m.Append(nil); !errors.As(err, &fault) || fault.Type != m.Type() {
			t.Errorf("%T of more than 65,535 bytes: %v", m, err)
		}
	}
}

// Every frame, cut anywhere, with a length that still says the whole and with one
// that says what is there, is refused or is another whole frame; never more.
func TestFramesCutAnywhereAreRefused(t *testing.T) {
	for _, f := range frames {
		b := raw(t, f.hex)
		if b[1] == 0xFE {
			for n := range b {
				if m, err := mqttsn.Parse(b[:n]); err == nil {
					t.Errorf("%X was read as %+v", b[:n], m)
				}
			}
			continue
		}
		for n := range int(b[0]) {
			if n < len(b) {
				if m, err := mqttsn.Parse(b[:n]); err == nil {
					t.Errorf("%X was read as %+v", b[:n], m)
				}
			}
		}
		for n := 2; n < len(b); n++ {
			short := append([]byte{byte(n)}, b[1:n]...)
			m, err := mqttsn.Parse(short)
			if err != nil {
				continue
			}
			again, err := m.Append(nil)
			if err != nil || !bytes.Equal(again, short) {
				t.Errorf("%X was read as %+v, which is written %X", short, m, again)
			}
		}
	}
}

func TestFaultsAreNamed(t *testing.T) {
	for _, c := range []struct{ hex, want string }{
		{"", "mqttsn: shorter than a length and a type"},
		{"02", "mqttsn: shorter than a length and a type"},
		{"010004", "mqttsn: shorter than a long length and a type"},
		{"0016", "mqttsn: PINGREQ: length does not count itself and the type"},
		{"01000316", "mqttsn: PINGREQ: length does not count itself and the type"},
		{"0316", "mqttsn: PINGREQ: ends too early"},
		{"02160000", "mqttsn: PINGREQ: is followed by more bytes"},
		{"02FF", "mqttsn: type 0xFF is not known"},
		{"0203", "mqttsn: type 0x03 is not known"},
		{"0211", "mqttsn: type 0x11 is not known"},
		{"060404010001", "mqttsn: CONNECT: no name"},
		{"070404020001" + "61", "mqttsn: CONNECT: protocol id is not 1"},
		{"070404010001" + "FF", "mqttsn: CONNECT: name is not UTF-8"},
		{"0305", "mqttsn: CONNACK: ends too early"},
		{"04050000", "mqttsn: CONNACK: has more bytes than its fields"},
		{"04076077", "mqttsn: WILLTOPIC: a will can not have QoS -1"},
		{"030720", "mqttsn: WILLTOPIC: no name"},
		{"060A00000001", "mqttsn: REGISTER: no name"},
		{"070C0300010000", "mqttsn: PUBLISH: topic of the reserved kind"},
		{"0712030001" + "6162", "mqttsn: SUBSCRIBE: topic of the reserved kind"},
		{"0612010001" + "61", "mqttsn: SUBSCRIBE: ends too early"},
		{"0814020001" + "616263", "mqttsn: UNSUBSCRIBE: has more bytes than its fields"},
		{"0512000001", "mqttsn: SUBSCRIBE: no name"},
		{"03180A", "mqttsn: DISCONNECT: ends too early"},
		{"02FE0216", "mqttsn: encapsulated message: ends too early"},
		{"03FE00", "mqttsn: encapsulated message: message inside: mqttsn: shorter than a length and a type"},
		{"03FE0003FE000216", "mqttsn: encapsulated message: holds another one"},
		{"03FE00021600", "mqttsn: encapsulated message: message inside is followed by more bytes"},
	} {
		if _, err := mqttsn.Parse(raw(t, c.hex)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v; want %s", c.hex, err, c.want)
		}
	}
}

func TestShortNames(t *testing.T) {
	if id, ok := mqttsn.ShortID("ab"); !ok || id != 0x6162 {
		t.Errorf("ab is %X, %v", id, ok)
	}
	if name, ok := mqttsn.ShortName(0xC2B0); !ok || name != "°" {
		t.Errorf("C2B0 is %q, %v", name, ok)
	}
	for _, name := range []string{"", "a", "abc", "a#", "+/", "\x00a", "\xFFa"} {
		if _, ok := mqttsn.ShortID(name); ok {
			t.Errorf("%q passes for a short name", name)
		}
	}
	for _, id := range []uint16{0, 0x612B, 0x2361, 0xFFFF, 0xC261} {
		if name, ok := mqttsn.ShortName(id); ok {
			t.Errorf("%04X passes for the short name %q", id, name)
		}
	}
}

func TestCodesAndKindsHaveWords(t *testing.T) {
	for got, want := range map[string]string{
		mqttsn.Accepted.String():          "accepted",
		mqttsn.InvalidTopicID.String():    "rejected: invalid topic id",
		mqttsn.ReturnCode(9).String():     "return code 0x09",
		mqttsn.TopicKind(1).String():      "predefined",
		mqttsn.TypeWillTopicResp.String(): "WILLTOPICRESP",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
