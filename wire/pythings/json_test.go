package pythings_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/pythings"
)

func TestJSONIsOneLineOfASCII(t *testing.T) {
	for _, c := range []struct {
		text  string
		style pythings.Style
		want  string
	}{
		{"{\"b\": 1,\n \"a\" :\t[ 1.50, -2e+07, true ] }\r\n", 0, `{"b":1,"a":[1.50,-2e+07,true]}`},
		{`{"b":1,"a":[1.50,"x"]}`, pythings.Spaced, `{"b": 1, "a": [1.50, "x"]}`},
		{`"caffè"`, 0, `"caff\u00e8"`}, // T06
		{`"a😀b"`, 0, `"a\ud83d\ude00b"`},
		{`"\uD83D\uDE00 \u0041 \u00E8 \/ \b\f\n\r\t\"\\"`, 0, `"\ud83d\ude00 A \u00e8 / \b\f\n\r\t\"\\"`},
		{`"\ud83d alone"`, 0, `"\ud83d alone"`},
		{`"\u000a\u0022\u005c\u0001"`, 0, `"\n\"\\\u0001"`},
		{"\"\x7f\u2028\"", 0, `"\u007f\u2028"`},
		{`"a & <b>, c: d"`, 0, `"a & <b>, c: d"`},
		{`{"a&":"& \u0026"}`, pythings.NoAmpersand, `{"a\u0026":"\u0026 \u0026"}`}, // E07
		{"\"\xff\"", 0, `"\ufffd"`},
		{`12345678901234567890123456789012345678901234567890.00`, 0, `12345678901234567890123456789012345678901234567890.00`},
		{` null `, pythings.EncryptedStyle, `null`},
	} {
		got, err := pythings.AppendASCII([]byte("x"), []byte(c.text), c.style)
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("%s became %s, %v, want %s", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "{", `{"a":1} x`, "nul", `"a`, `{"a":1}{}`} {
		if got, err := pythings.AppendASCII([]byte("kept"), []byte(bad), 0); err == nil || string(got) != "kept" {
			t.Errorf("%q became %s, %v", bad, got, err)
		}
	}
}

func TestMembersOfStructsKeepTheirOrder(t *testing.T) {
	v := struct {
		Z string      `json:"z"`
		A int         `json:"a"`
		M roost.Value `json:"msg"`
		N roost.Value `json:"none"`
	}{"<è>\n", 7, `{"y": 1.0, "b":"&"}`, ""}
	for style, want := range map[pythings.Style]string{
		0:                       `{"z":"<\u00e8>\n","a":7,"msg":{"y":1.0,"b":"&"},"none":null}`,
		pythings.EncryptedStyle: `{"z": "<\u00e8>\n", "a": 7, "msg": {"y": 1.0, "b": "\u0026"}, "none": null}`,
	} {
		if got, err := pythings.AppendJSON(nil, v, style); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	if got, err := pythings.AppendJSON([]byte("kept"), make(chan int), 0); err == nil || string(got) != "kept" {
		t.Errorf("%s, %v", got, err)
	}
}

// Lengths as Python 3 gives them.
func TestLengthIsPythons(t *testing.T) {
	for text, want := range map[roost.Value]int{
		`{"a":1,"b":[1,2]}`: 21, `"caffè"`: 12, `"😀"`: 14, `1.50`: 3, `1e5`: 8, `1E16`: 5, `123456789012345678.0`: 22,
		`0.0001`: 6, `0.00001`: 5, `1e400`: 8, `-1e400`: 9, `-0`: 1, `-0.0`: 4, `"\u0041"`: 3, `[ ]`: 2, `{`: -1, ``: -1,
	} {
		if got := pythings.PythonLen(text); got != want {
			t.Errorf("%s has %d characters, want %d", text, got, want)
		}
	}
	long := roost.Value(`"` + strings.Repeat("x", 510) + `"`)
	if got := pythings.PythonLen(long); got != 512 { // M11
		t.Errorf("%d", got)
	}
}

// M13
func TestOnlyTrueValuesAreMessages(t *testing.T) {
	for text, want := range map[roost.Value]bool{
		"": false, "null": false, "false": false, "0": false, "-0.0": false, "0e5": false, `""`: false, " [ ] ": false, "{ }": false, "{": false,
		"true": true, "1": true, "-0.5": true, "1e999": true, `"0"`: true, "[0]": true, `{"a":0}`: true,
	} {
		if got := pythings.True(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzAppendASCII(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.50,-3e-7],"b":"è😀\ud83d\/&"}`, `"\u0000"`, "\"\xff\xfe\"", " [ ] ", "nul", `{"a":1,"a":2}`, `1e400`} {
		f.Add(seed, byte(0))
		f.Add(seed, byte(pythings.EncryptedStyle))
	}
	f.Fuzz(func(t *testing.T, text string, style byte) {
		s := pythings.Style(style) & pythings.EncryptedStyle
		got, err := pythings.AppendASCII(nil, []byte(text), s)
		if err != nil {
			if json.Valid([]byte(text)) {
				t.Fatalf("%q is JSON: %v", text, err)
			}
			return
		}
		for _, c := range got {
			if c >= 0x7f || c < ' ' || c == '&' && s&pythings.NoAmpersand != 0 {
				t.Fatalf("%q became %q", text, got)
			}
		}
		again, err := pythings.AppendASCII(nil, got, s)
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("%q became %q and then %q, %v", text, got, again, err)
		}
		if before, after := decoded(t, []byte(text)), decoded(t, got); !reflect.DeepEqual(before, after) {
			t.Errorf("%q means %v, %q means %v", text, before, got, after)
		}
		pythings.PythonLen(roost.Value(text))
		pythings.True(roost.Value(text))
	})
}

// decoded is what a JSON text means, numbers as they are written.
func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}
