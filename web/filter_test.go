package web

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/roost-iot/roost"
)

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"subscribe":{}}`, `{"subscribe":{"things":["a"],"types":["reading","thing"]},"after":7}`,
		`{"subscribe":{"things":null,"types":[]}}`, `{"after":1}`, `[]`, `{"subscribe":{}} x`, `{"subscribe":{}}]`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		wants, _, err := parseRequest(message, roost.Home)
		if err != nil {
			return
		}
		if !json.Valid(message) {
			t.Errorf("%q was understood", message)
		}
		if wants.passes(&roost.Event{Kind: roost.Read, Ref: roost.Ref{Project: "other", Thing: "a"}}) {
			t.Errorf("%q lets another project's events through", message)
		}
	})
}

// FuzzThingBody wants the hand-made JSON to be the JSON of what went in.
func FuzzThingBody(f *testing.F) {
	f.Add("node1", "Attic \"fan\"", "lab", "24.1°C", 1.5)
	f.Add("\x00", "\xff", "\u2028", "</script>", math.Copysign(0, -1))
	f.Fuzz(func(t *testing.T, id, name, tag, text string, number float64) {
		body := thingBody{
			thing: roost.Thing{Ref: roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)}, GivenName: name, Tags: []string{tag, id}},
			resources: []roost.Resource{
				{Name: text, Value: roost.Text(text)},
				{Name: "n", Value: roost.Value(appendFloat(nil, finite(number)))},
			},
		}
		var got Thing
		if err := json.Unmarshal(body.appendJSON(nil), &got); err != nil {
			t.Fatalf("%v: %s", err, body.appendJSON(nil))
		}
		if got.ID != readBack(id) || got.GivenName != readBack(name) || got.Tags[0] != readBack(tag) || got.Resources[0].Name != readBack(text) || got.Resources[1].Number != finite(number) {
			t.Errorf("%+v came out of %q %q %q %q %v", got, id, name, tag, text, number)
		}
	})
}

// readBack is what JSON makes of s.
func readBack(s string) string { return string([]rune(s)) }

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}
