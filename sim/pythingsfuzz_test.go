package sim_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/roost-iot/roost/sim"
	wire "github.com/roost-iot/roost/wire/pythings"
)

func FuzzAnswerToDevice(f *testing.F) {
	for _, seed := range []string{
		answerHead + `{"a":1}`, "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 404 Not Found\r\nx: y\r\n\r\n\"no\"\n", "HTTP/1.1 200\r\n\r\n", "\r\n\r\n", "", answerHead + "è",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		text, err := sim.AnswerAsDevice(raw)
		if err != nil {
			return
		}
		if strings.ContainsRune(text, '\n') || !strings.Contains(raw, text) || !strings.Contains(raw, " 200 ") {
			t.Errorf("%q is read as %q", raw, text)
		}
		for _, c := range []byte(text) {
			if c >= 0x80 {
				t.Errorf("%q is read as %q", raw, text)
			}
		}
	})
}

func FuzzUTF8OfDevice(f *testing.F) {
	for _, seed := range []string{`"caff\u00e8 \ud83d\ude00 \ud83d \\u00e8 \n\u0001"`, `{"a\u00e8":[1.50,"\u007f\""]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ascii, err := wire.AppendASCII(nil, []byte(text), wire.Spaced)
		if err != nil {
			return
		}
		var before, after any
		if json.Unmarshal(ascii, &before) != nil {
			return // numbers that no float holds
		}
		utf8 := sim.UTF8AsDevice(string(ascii))
		if err := json.Unmarshal([]byte(utf8), &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%s became %s: %v", ascii, utf8, err)
		}
	})
}

func FuzzListOfRelease(f *testing.F) {
	for _, seed := range []string{`{"version.py":"17","api.py":"5"}`, `{}`, `[]`, `{"a":{"b":[1]},"c"`, `{"a":1}x`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, err := sim.NamesAsDevice(text)
		for i, name := range names {
			if err == nil && name == "version.py" && i != len(names)-1 {
				t.Errorf("%s lists %q", text, names)
			}
		}
	})
}
