package web

import (
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzLegacyTime: what is taken is a time that can be said, and said again is the same.
func FuzzLegacyTime(f *testing.F) {
	for _, seed := range []string{
		"1700000000", "1700000000.25", "-1.5e3", "0", " 17e8 ", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.5Z",
		"2023-11-14T22:13:20.250000+05:30", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "2024-02-29T00:00:00-00:00",
		"T", "TZ", "2023-11-14T22:13:20", "2023-11-14T22:13:20.Z", "1e308", "nan", "253402300799.9999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := legacyTime(text)
		if !ok {
			return
		}
		if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			t.Fatalf("%q is %v", text, at)
		}
		if year := at.Year(); year < 1 || year > 9999 { // beyond what ISO 8601 says in four digits
			return
		}
		said := appendLegacyTime(nil, at)
		if again, ok := legacyTime(string(said[1 : len(said)-1])); !ok || !again.Equal(at) {
			t.Fatalf("%q is %v, said as %s, which is %v, %v", text, at, said, again, ok)
		}
	})
}

// FuzzLegacyFields: whatever comes, fields are JSON and their texts are text.
func FuzzLegacyFields(f *testing.F) {
	for kind, body := range map[string]string{
		"application/json":                     `{"tid":"A","from":1.5,"msg":{"a":[null,true]},"x":"\ud800"}`,
		"application/x-www-form-urlencoded":    "tid=A&from=1&msg=%7B%22a%22&tid=%ff%00",
		"":                                     " {}",
		"multipart/form-data; boundary=x":      "--x\r\nContent-Disposition: form-data; name=\"tid\"\r\n\r\nA\r\n--x--\r\n",
		"multipart/form-data; boundary=\"\"":   "--\r\n\r\n\r\n----",
		"application/json; charset=\"unclosed": "{}",
		"text/plain":                           "x",
	} {
		f.Add(kind, []byte(body))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		fields, err := parseFields(kind, body)
		if err != nil {
			if fields != nil {
				t.Fatal("fields and an error")
			}
			return
		}
		for name := range fields {
			if v := fields.value(name); !json.Valid([]byte(v)) {
				t.Fatalf("%q is %q", name, v)
			}
			if kind != "application/json" && !utf8.ValidString(fields.text(name)) {
				t.Fatalf("%q is no text: %q", name, fields.text(name))
			}
		}
	})
}
