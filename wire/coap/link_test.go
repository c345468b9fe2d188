package coap

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseLinks(t *testing.T) {
	for text, want := range map[string][]Link{
		"":    nil,
		" , ": nil,
		"</board>,</led>,</mcu>,</name>,</os>": {
			{Target: "/board"}, {Target: "/led"}, {Target: "/mcu"}, {Target: "/name"}, {Target: "/os"},
		},
		`</board>;rt="x";if="get,put",</led>; ct=0 , </.well-known/core>;ct=40,</led>,<https://x/>;rel="impl-info",</a/b>`: {
			{"/board", []Attr{{"rt", "x"}, {"if", "get,put"}}},
			{"/led", []Attr{{"ct", "0"}}},
			{"/.well-known/core", []Attr{{"ct", "40"}}},
			{Target: "/led"},
			{"https://x/", []Attr{{"rel", "impl-info"}}},
			{Target: "/a/b"},
		},
		`</a,b;c>;obs;title="a \"q\" \\ ; <x>, y";sz=12,`: {
			{"/a,b;c", []Attr{{"obs", ""}, {"title", `a "q" \ ; <x>, y`}, {"sz", "12"}}},
		},
		"\r\n< /s >\t; rt = \"a b\" ;\n,</t>;;": {
			{"/s", []Attr{{"rt", "a b"}}}, {Target: "/t"},
		},
		"<>":              {{Target: ""}},
		"</x>;title*=U'é": {{"/x", []Attr{{"title*", "U'é"}}}},
		"</x>;a=":         {{"/x", []Attr{{"a", ""}}}},
	} {
		got, err := ParseLinks(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q:\n%s", text, d)
		}
	}
}

func TestBadLinksAreRefusedWithThoseBefore(t *testing.T) {
	for text, before := range map[string]int{
		"led":               0,
		"/led,</a>":         0,
		"</a>,</led":        1,
		"</a>,</b>x</c>":    1,
		"</a></b>":          0,
		"</a,</b>":          0,
		"</a>;=1":           0,
		`</a>;x="1`:         0,
		`</a>;x="1\`:        0,
		`</a>;x="1"2`:       0,
		"</a>;x=1 2":        0,
		`</a>;x=1"2"`:       0,
		"</my led>":         0,
		`{"not":"links"}`:   0,
		"404 not found, no": 0,
	} {
		got, err := ParseLinks(text)
		if !errors.Is(err, ErrLinkFormat) || len(got) != before {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestLinkAttr(t *testing.T) {
	l := Link{Attrs: []Attr{{"obs", ""}, {"ct", "0"}}}
	if v, ok := l.Attr("ct"); v != "0" || !ok {
		t.Errorf("ct %q %v", v, ok)
	}
	if _, ok := l.Attr("obs"); !ok {
		t.Error("no obs")
	}
	if _, ok := l.Attr("rt"); ok {
		t.Error("rt")
	}
}

func FuzzParseLinks(f *testing.F) {
	for _, s := range []string{
		"</board>,</led>", `</a>;rt="x,y";ct=0`, `</a>;x="\"`, "</a>;;,<", "< /s >\t; rt = \"a b\"", `</a>;x="é"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		links, err := ParseLinks(s)
		if err != nil && !errors.Is(err, ErrLinkFormat) {
			t.Fatalf("%q: %v", s, err)
		}
		again, err := ParseLinks(string(AppendLinks(nil, links)))
		if err != nil {
			t.Fatalf("%q became %q: %v", s, AppendLinks(nil, links), err)
		}
		if d := cmp.Diff(links, again, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q:\n%s", s, d)
		}
	})
}
