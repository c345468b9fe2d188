package pyaiot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCloseReasons(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, c := range []struct{ in, want string }{
		{`hello`, `Invalid message received 'hello'. Only JSON format is supported..`},
		{``, `Invalid message received ''. Only JSON format is supported..`},
		{`{bad json`, `Invalid message received '{bad json'. Only JSON format is supported..`},
		{`{"type":"new"} x`, `Invalid message received '{"type":"new"} x'. Only JSON format is supported..`},
		{`NaN`, `Invalid message received 'NaN'. Only JSON format is supported..`},
		{`{"type":"new","data":Infinity}`, `Invalid message received '{"type":"new","data":Infinity}'. Only JSON format is supported..`},
		{`{"type":"new","data":"\ud800"}`, `Invalid message received '{"type":"new","data":"\ud800"}'. Only JSON format is supported..`},
		{`123`, `Invalid message '123'..`},
		{`1.50`, `Invalid message '1.5'..`},
		{`1e5`, `Invalid message '100000.0'..`},
		{`1e22`, `Invalid message '1e+22'..`},
		{`true`, `Invalid message 'True'..`},
		{`false`, `Invalid message 'False'..`},
		{`null`, `None.`},
		{` null `, `None.`},
		{`"hello"`, `Invalid message 'hello'..`},
		{`"my type"`, `Invalid message 'my type'..`},
		{`"data"`, `Invalid message 'data'..`},
		{`[]`, `Invalid message '[]'..`},
		{`[1,"a",null]`, `Invalid message '[1, 'a', None]'..`},
		{`["type"]`, `Invalid message '['type']'..`},
		{`{}`, `Invalid message '{}'..`},
		{`{"uid":"a","n":{"x":[true]}}`, `Invalid message '{'uid': 'a', 'n': {'x': [True]}}'..`},
		{`{"uid":"it's"}`, `Invalid message '{'uid': "it's"}'..`},
		{`{"data":1}`, `Invalid message '{'data': 1}'..`},
		{`{"type": "test"}`, `Invalid message type 'test'..`},
		{`{"type":"hello","data":"x"}`, `Invalid message type 'hello'..`},
		{`{"type": 1}`, `Invalid message type '1'..`},
		{`{"type": null}`, `Invalid message type 'None'..`},
		{`{"type": ["new"]}`, `Invalid message type '['new']'..`},
		{`{"type":"new","type":"x"}`, `Invalid message type 'x'..`},
		{long, (`Invalid message received '` + long)[:123]},
		{`{"type":"` + strings.Repeat("é", 100) + `"}`, `Invalid message type '` + strings.Repeat("é", 50)},
	} {
		_, err := Parse([]byte(c.in))
		refusal, ok := errors.AsType[*Refusal](err)
		if !ok || refusal.Code != 1003 || refusal.Reason != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.in, err, c.want)
		}
	}
}

func TestBadUTF8IsClosedWith1007(t *testing.T) {
	_, err := Parse([]byte("{\"type\":\"new\",\"data\":\"\xff\"}"))
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Code != 1007 {
		t.Errorf("got %v", err)
	}
}

func TestParseTakesFieldsInAnyOrderAndLastOfDuplicates(t *testing.T) {
	m, err := Parse([]byte(` {"dst":"no", "da\u0074a" : {"n": [1, 2.50]} ,"x":[{}],"endpoint":"l\u00e9d","uid":"é","type":"upd\u0061te","dst":"all"} `))
	if err != nil {
		t.Fatal(err)
	}
	if m.Type != Update || string(m.UID) != "é" || string(m.Endpoint) != "léd" || string(m.Dst) != "all" || string(m.Data) != `{"n": [1, 2.50]}` {
		t.Errorf("%d %s %s %s %s", m.Type, m.UID, m.Endpoint, m.Dst, m.Data)
	}
	m, err = Parse([]byte(`{"type":"new","uid":7,"dst":null}`))
	if err != nil || m.UID != nil || m.Dst != nil {
		t.Errorf("%v, uid %q, dst %q; neither is a string", err, m.UID, m.Dst)
	}
}

func TestBinaryFrames(t *testing.T) {
	const text = `{"type": "new", "uid": "é𝄞"}`
	utf16le, utf16be, utf32le, utf32be := encodings(text)
	for name, b := range map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with mark": []byte("\ufeff" + text),
		"UTF-16 LE": utf16le, "UTF-16 BE": utf16be, "UTF-32 LE": utf32le, "UTF-32 BE": utf32be,
		"UTF-16 LE with mark": append([]byte{0xff, 0xfe}, utf16le...), "UTF-16 BE with mark": append([]byte{0xfe, 0xff}, utf16be...),
		"UTF-32 LE with mark": append([]byte{0xff, 0xfe, 0, 0}, utf32le...), "UTF-32 BE with mark": append([]byte{0, 0, 0xfe, 0xff}, utf32be...),
	} {
		if got, err := FromBinary(b); err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, b := range []string{"\xff", "{\x00}", "{\x00\x00\xd8", "\x00\x00\x00\x7f\x00", "\x80abc"} {
		if got, err := FromBinary([]byte(b)); err == nil {
			t.Errorf("%q became %q", b, got)
		}
	}
}

func encodings(text string) (u16le, u16be, u32le, u32be []byte) {
	for _, r := range text {
		u32le = append(u32le, byte(r), byte(r>>8), byte(r>>16), 0)
		u32be = append(u32be, 0, byte(r>>16), byte(r>>8), byte(r))
		units := []rune{r}
		if r > 0xffff {
			r -= 0x10000
			units = []rune{0xd800 + r>>10, 0xdc00 + r&0x3ff}
		}
		for _, u := range units {
			u16le = append(u16le, byte(u), byte(u>>8))
			u16be = append(u16be, byte(u>>8), byte(u))
		}
	}
	return u16le, u16be, u32le, u32be
}

func TestBuiltMessagesAreByteExact(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(AppendNew(nil, "ABCDEF012345678", "all")), `{"type": "new", "uid": "ABCDEF012345678", "dst": "all"}`},
		{string(AppendUpdate(nil, "A1", "temperature", `"24.1°C"`, "all")), `{"type": "update", "uid": "A1", "endpoint": "temperature", "data": "24.1°C", "dst": "all"}`},
		{string(AppendUpdate(nil, "A1", "n", `{"n":[1,2.50, null,true , 12345678901234567890]}`, "all")), `{"type": "update", "uid": "A1", "endpoint": "n", "data": {"n": [1, 2.50, null, true, 12345678901234567890]}, "dst": "all"}`},
		{string(AppendUpdate(nil, "A1", "t", `"\u00b0\u0000\/\"\\\n"`, "all")), `{"type": "update", "uid": "A1", "endpoint": "t", "data": "°\u0000/\"\\\n", "dst": "all"}`},
		{string(AppendUpdate(nil, "A1", "t", "", "all")), `{"type": "update", "uid": "A1", "endpoint": "t", "data": null, "dst": "all"}`},
		{string(AppendOut(nil, "A1")), `{"type": "out", "uid": "A1"}`},
		{string(AppendReset(nil, "A1")), `{"type": "reset", "uid": "A1"}`},
		{string(AppendCommand(nil, "A1", "led", "1", "x")), `{"type": "update", "data": {"uid": "A1", "endpoint": "led", "payload": "1"}, "src": "x"}`},
		{string(AppendWrite(nil, "led", `"1"`)), `{"endpoint": "led", "payload": "1"}`},
		{string(AppendWrite(nil, "é", `{"a":"𝄞"}`)), `{"endpoint": "\u00e9", "payload": {"a": "\ud834\udd1e"}}`},
		{Discover, `{"request": "discover"}`},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
	if len(Discover) != 23 {
		t.Errorf("discover has %d bytes", len(Discover))
	}
}

func TestCommandHasExactlyThreeKeys(t *testing.T) {
	c, ok := ParseCommand([]byte(`{"uid": "A1", "payload": {"a": 1}, "endpoint": "led"}`))
	if !ok || c != (Command{UID: "A1", Endpoint: "led", Payload: `{"a": 1}`}) {
		t.Errorf("%+v %v", c, ok)
	}
	for _, bad := range []string{
		``, `null`, `"uid endpoint payload"`, `["uid","endpoint","payload"]`, `{}`, `{"uid":"A1","endpoint":"led"}`,
		`{"uid":"A1","endpoint":"led","payload":"1","extra":1}`, `{"uid":1,"endpoint":"led","payload":"1"}`, `{"uid":"A1","endpoint":"led","value":"1"}`,
	} {
		if c, ok := ParseCommand([]byte(bad)); ok {
			t.Errorf("%s became %+v", bad, c)
		}
	}
}

func TestPairsKeepOrderAndLastValue(t *testing.T) {
	pairs, ok := Pairs([]byte(`{"b": 1, "a": "x", "b": [2]}`))
	if !ok || len(pairs) != 2 || pairs[0] != (Pair{"b", "[2]"}) || pairs[1] != (Pair{"a", `"x"`}) {
		t.Errorf("%v %v", pairs, ok)
	}
}

func TestManyPairsKeepOrderAndLastValue(t *testing.T) {
	const names = 3 * fewPairs
	var b strings.Builder
	for round := range 2 {
		for i := range names {
			fmt.Fprintf(&b, `, "n%d": %d`, i, round*names+i)
		}
	}
	pairs, ok := Pairs([]byte("{" + b.String()[2:] + "}"))
	if !ok || len(pairs) != names {
		t.Fatalf("%d pairs, %v", len(pairs), ok)
	}
	for i, p := range pairs {
		if want := (Pair{"n" + strconv.Itoa(i), strconv.Itoa(names + i)}); p != want {
			t.Errorf("pair %d is %v, not %v", i, p, want)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	if Valid([]byte(strings.Repeat("[", 1e6) + strings.Repeat("]", 1e6))) {
		t.Error("a million brackets were taken")
	}
	if !Valid([]byte(strings.Repeat("[", 900) + strings.Repeat("]", 900))) {
		t.Error("900 brackets were not taken")
	}
}

var seeds = []string{
	`{"type": "update", "uid": "ABCDEF012345678", "endpoint": "temperature", "data": "24.1°C", "dst": "all"}`,
	`{"type":"new","data":"client"}`, `{"type": "update", "uid": "alive"}`,
	`{"type":"update","data":{"uid":"1234","endpoint":"led","payload":"1"}}`,
	`{"type":"update","data":{"n":[1,2.5,null,true,1e-5,-0],"\u00e9":"\ud834\udd1e"},"uid":"\"\\","dst":""}`,
	`[1,{"a":[]},"\ud800"]`, `{"a":}`, `NaN`, "\"\x01\"", `"\x"`, `01`, `1.`, `-`, ` {} `, `{"type":"a'b\"c"}`,
}

// FuzzParse holds the parser against encoding/json.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if refusal, ok := errors.AsType[*Refusal](err); err != nil && (!ok || len(refusal.Reason) > 123 || refusal.Reason == "" || !utf8.ValidString(refusal.Reason)) {
			t.Fatalf("%q is refused with %q", b, err)
		}
		if valid, oracle := Valid(b), json.Valid(b) && utf8.Valid(b); valid && !oracle {
			t.Fatalf("%q is no JSON", b)
		} else if !valid && oracle && !bytes.Contains(b, []byte(`\u`)) && bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) < 900 {
			t.Fatalf("%q is JSON", b)
		}
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("%q parsed, and %v", b, err)
		}
		if string(want["data"]) != string(m.Data) {
			t.Fatalf("data of %q: %q", b, m.Data)
		}
		for key, got := range map[string][]byte{"uid": m.UID, "endpoint": m.Endpoint, "dst": m.Dst} {
			var text string
			is := len(want[key]) > 0 && want[key][0] == '"'
			if is && json.Unmarshal(want[key], &text) != nil || is != (got != nil) || text != string(got) {
				t.Fatalf("%s of %q: %q", key, b, got)
			}
		}
	})
}

// FuzzRespace: what is built of a value means what the value meant.
func FuzzRespace(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !Valid(b) {
			b, _ = json.Marshal(string(b))
		}
		for _, built := range [][]byte{AppendUpdate(nil, "u", string(b), string(b), "all"), AppendWrite(nil, string(b), string(b))} {
			var got struct {
				Endpoint      string
				Data, Payload json.RawMessage
			}
			if !Valid(built) || json.Unmarshal(built, &got) != nil || got.Endpoint != string(b) {
				t.Fatalf("%q became %q", b, built)
			}
			if value := append(got.Data, got.Payload...); meaning(t, value) != meaning(t, b) {
				t.Fatalf("%q became %q", b, value)
			}
		}
		if pairs, ok := Pairs(b); ok {
			for _, p := range pairs {
				if !Valid([]byte(p.Value)) {
					t.Fatalf("pair %q of %q", p, b)
				}
			}
		}
		ParseCommand(b)
	})
}

func meaning(t *testing.T, b []byte) string {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func FuzzFromBinary(f *testing.F) {
	a, b, c, d := encodings(seeds[0])
	for _, s := range [][]byte{a, b, c, d, []byte(seeds[1]), {0xff, 0xfe}, {0}} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, err := FromBinary(b); err == nil && !utf8.Valid(text) {
			t.Fatalf("%q became %q", b, text)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	msg := []byte(seeds[0])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(msg); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendUpdate(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = AppendUpdate(buf[:0], "ABCDEF012345678", "temperature", `"24.1°C"`, All)
	}
}

func BenchmarkPairs(b *testing.B) {
	data := []byte(`{"temperature": "21.5°C"}`)
	b.ReportAllocs()
	for b.Loop() {
		if pairs, ok := Pairs(data); !ok || len(pairs) != 1 {
			b.Fatal(pairs)
		}
	}
}
