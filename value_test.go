package roost_test

import (
	"encoding/json"
	"testing"

	"github.com/roost-iot/roost"
)

func TestValuesThatReadAsNumbers(t *testing.T) {
	for _, c := range []struct {
		value  roost.Value
		number float64
		unit   string
		kind   roost.Kind
	}{
		{`"24.1°C"`, 24.1, "°C", roost.KindNumber},
		{`"-1.2°C"`, -1.2, "°C", roost.KindNumber},
		{`"1013.25hPa"`, 1013.25, "hPa", roost.KindNumber},
		{`"45.07%"`, 45.07, "%", roost.KindNumber},
		{`"123 lx"`, 123, "lx", roost.KindNumber},
		{`"17g/m3"`, 17, "g/m3", roost.KindNumber},
		{`"412ppm\u0000\u0000"`, 412, "ppm", roost.KindNumber},
		{`"0"`, 0, "", roost.KindNumber},
		{`"1e3"`, 1000, "", roost.KindNumber},
		{`12345678901234567890`, 12345678901234567890, "", roost.KindNumber},
		{`2.5`, 2.5, "", roost.KindNumber},
		{`true`, 1, "", roost.KindBoolean},
		{`false`, 0, "", roost.KindBoolean},
		{`"1.0.0"`, 0, "", roost.KindText},
		{`"12:30"`, 0, "", roost.KindText},
		{`"fd00::11"`, 0, "", roost.KindText},
		{`"10.0.0.2"`, 0, "", roost.KindText},
		{`"3 little pigs"`, 0, "", roost.KindText},
		{`"riot"`, 0, "", roost.KindText},
		{`""`, 0, "", roost.KindText},
		{`"°C"`, 0, "", roost.KindText},
		{`"1e999"`, 0, "", roost.KindText},
		{`null`, 0, "", roost.KindJSON},
		{`{"lat":1}`, 0, "", roost.KindJSON},
		{`[1,2]`, 0, "", roost.KindJSON},
	} {
		n, unit, kind := c.value.Measure()
		if kind != c.kind || n != c.number || unit != c.unit {
			t.Errorf("%s reads as %v %q %s, want %v %q %s", c.value, n, unit, kind, c.number, c.unit, c.kind)
		}
	}
}

func TestTextIsValidJSONAndComesBack(t *testing.T) {
	for _, s := range []string{"", "23.4°C", `a "quoted" \ text`, "line\nend\x01", "<b>", "\u2028"} {
		v := roost.Text(s)
		var back string
		if err := json.Unmarshal([]byte(v), &back); err != nil || back != s {
			t.Errorf("%q became %s, which reads as %q, %v", s, v, back, err)
		}
		if v.AsText() != s {
			t.Errorf("%q comes back as %q", s, v.AsText())
		}
	}
	if v := roost.Text("23.4°C\x00\x00\x00"); v != `"23.4°C"` {
		t.Errorf("padding stayed: %s", v)
	}
	if v := roost.Text("bad \xff byte"); !json.Valid([]byte(v)) {
		t.Errorf("invalid UTF-8 became invalid JSON: %s", v)
	}
}

func TestSameValueInAnotherForm(t *testing.T) {
	for _, c := range []struct {
		a, b roost.Value
		same bool
	}{
		{`"1"`, `1`, true},
		{`"1"`, `"1"`, true},
		{`"1"`, `"0"`, false},
		{`true`, `1`, true},
		{`"21.0°C"`, `"21°C"`, true},
		{`"21°C"`, `"21hPa"`, false},
		{`"on"`, `"off"`, false},
		{`{"a":1}`, `{"a":2}`, false},
	} {
		if roost.Same(c.a, c.b) != c.same {
			t.Errorf("Same(%s, %s) is %v", c.a, c.b, !c.same)
		}
	}
}

func TestThingIDsAreSafe(t *testing.T) {
	for own, want := range map[string]roost.ThingID{
		"ABCDEF012345678": "ABCDEF012345678", "a b/c#d+e": "a-b-c-d-e", "": "", "alive": "alive-", "..": "..-", "é": "-",
		`"><script>`: "---script-",
	} {
		if got := roost.CleanThingID(own); got != want {
			t.Errorf("%q became %q, want %q", own, got, want)
		}
	}
	if n := len(roost.CleanThingID(string(make([]byte, 500)))); n != 64 {
		t.Errorf("a long id has %d bytes", n)
	}
}

func FuzzMeasure(f *testing.F) {
	for _, s := range []string{`"24.1°C"`, `"1e"`, `"-"`, `true`, `"+.5%"`, `"\ud800"`, `1`, `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := roost.Value(s)
		v.Measure()
		v.AsText()
		if text := roost.Text(s); !json.Valid([]byte(text)) {
			t.Errorf("Text(%q) is not JSON: %s", s, text)
		}
	})
}
