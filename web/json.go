package web

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
)

// What is sent often or long is appended by hand: the values of things are JSON
// text already.

// ms is a time as the API says it: Unix milliseconds, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func appendMS(b []byte, t time.Time) []byte { return strconv.AppendInt(b, ms(t), 10) }

// appendText appends s as a JSON string.
func appendText[S ~string](b []byte, s S) []byte {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c == '"' || c == '\\' {
			return appendRare(b, string(s))
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.ValidString(string(s)) {
		return appendRare(b, string(s))
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendRare appends what needs escapes or a look at its encoding.
func appendRare(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // a string always encodes
		return append(b, `""`...)
	}
	return append(b, quoted...)
}

func appendValue(b []byte, v roost.Value) []byte {
	if v == "" {
		return append(b, "null"...)
	}
	return append(b, v...)
}

// appendMeasure appends how a value is shown: kind, number, unit.
func appendMeasure(b []byte, v roost.Value) []byte {
	number, unit, kind := v.Measure()
	b = append(b, `,"kind":"`...)
	b = append(b, kind...)
	b = append(b, '"')
	if kind != roost.KindNumber && kind != roost.KindBoolean || math.IsNaN(number) || math.IsInf(number, 0) {
		return b
	}
	b = append(b, `,"number":`...)
	b = appendFloat(b, number)
	if unit != "" {
		b = append(b, `,"unit":`...)
		b = appendText(b, unit)
	}
	return b
}

// appendFloat appends the shortest JSON number that is f.
func appendFloat(b []byte, f float64) []byte {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// anyJSON is a value of a thing in a body: any JSON.
type anyJSON roost.Value

// Schema lets any JSON pass.
func (anyJSON) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// MarshalJSON gives the text as it stands.
func (v anyJSON) MarshalJSON() ([]byte, error) { return roost.Value(v).MarshalJSON() }

// UnmarshalJSON keeps the text without its spaces.
func (v *anyJSON) UnmarshalJSON(text []byte) error {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return err
	}
	*v = anyJSON(b.String())
	return nil
}
