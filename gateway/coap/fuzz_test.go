package coap

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

func FuzzGreeting(f *testing.F) {
	for _, s := range []string{"Alive:1234", "reset:ABCDEF012345678", "Alive", "reset", "alive:a:b", "alive:", "alive:\x00\x00", "alive:\xff", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseGreeting(b)
		if err != nil {
			if roost.KindOf(err) != roost.Invalid {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if strings.ContainsFunc(g.uid, unicode.IsControl) || !utf8.ValidString(g.uid) || len(g.uid) > maxUID || strings.Contains(g.uid, ":") {
			t.Errorf("%q gave the id %q", b, g.uid)
		}
		if g.uid != "" && roost.CleanThingID(g.uid) == "" {
			t.Errorf("%q: %q is no use as an id", b, g.uid)
		}
	})
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{"temperature:24.1°C", `imu:[{"type":"acc","values":[1,2,3]}]`, "a:", ":b", "ab", "a:\x00\x00", "a:\xff", "a\nb:c"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		name, text, err := parseValue(b, 1<<10)
		if err != nil {
			if k := roost.KindOf(err); k != roost.Invalid && k != roost.TooLarge {
				t.Errorf("%q: %v", b, err)
			}
			return
		}
		if string(name)+":"+string(text) != string(b) || strings.Contains(string(name), ":") || len(name) == 0 {
			t.Errorf("%q came apart as %q and %q", b, name, text)
		}
	})
}

func FuzzLinks(f *testing.F) {
	f.Add(`</board>,</led>,</mcu>,</name>,</os>`)
	f.Add(`</board>;rt="x";if="get,put",</led>; ct=0 , </.well-known/core>;ct=40,</led>,<https://x/>;rel="impl-info",</a/b>`)
	f.Add(`</>;title="General Info";ct=0,</time>;if="clock";rt="ticks";title="Internal Clock";ct=0;obs,</async>;ct=0`)
	f.Add(`</a?b=c&d>;if="core.a core.p",<//x>,</%2f%zz>,<`)
	f.Fuzz(func(t *testing.T, s string) {
		links, _ := linksOf(s, 16)
		seen := map[string]bool{}
		for _, l := range links {
			if l.name == "" || len(l.name) > maxName || seen[l.name] {
				t.Errorf("%q gave %q (twice: %v)", s, l.name, seen[l.name])
			}
			seen[l.name] = true
			r := request(coap.GET, l.name, nil)
			m := coap.Message{Code: r.Code, Options: r.Options}
			if m.Check() == nil {
				m.Append(nil)
			}
		}
		if len(links) > 16 {
			t.Errorf("%d links", len(links))
		}
	})
}

func FuzzContent(f *testing.F) {
	f.Add("imu", []byte(`imu:[{"type":"acc"}]`), uint32(0))
	f.Add("temperature", []byte("23.4°C\x00\x00\x00"), uint32(0))
	f.Add("x", []byte("\xa1\x61a\x01"), uint32(60))
	f.Fuzz(func(t *testing.T, name string, b []byte, format uint32) {
		a := exchange.Response{Code: coap.Content, Payload: b}
		a.Options.SetUint(coap.ContentFormat, format)
		v, ok := contentOf(name, a, 1<<10)
		if ok && (!v.IsText() || strings.ContainsRune(v.AsText(), 0) && !strings.Contains(string(b), "\x00")) {
			t.Errorf("%q of %q is %s", b, name, v)
		}
	})
}
