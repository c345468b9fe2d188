package mqtt

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/pyaiot"
)

// maxBacklog is how many entries a message with a backlog may have.
const maxBacklog = 4096

// text is a payload without what C strings end with.
func text(payload []byte) []byte { return bytes.TrimSpace(bytes.TrimRight(payload, "\x00")) }

// pairs reads a JSON object.
func pairs(payload []byte) ([]pyaiot.Pair, bool) {
	payload = text(payload)
	if !pyaiot.Valid(payload) {
		return nil, false
	}
	return pyaiot.Pairs(payload)
}

// member gives the value of a key, "" if there is none.
func member(all []pyaiot.Pair, name string) roost.Value {
	for _, p := range all {
		if p.Name == name {
			return roost.Value(p.Value)
		}
	}
	return ""
}

// parseCheck reads {"id": ID}; a number is its decimal text.
func parseCheck(payload []byte) (own string, ok bool) {
	all, ok := pairs(payload)
	if !ok {
		return "", false
	}
	id := member(all, "id")
	if _, _, kind := id.Measure(); !id.IsText() && kind != roost.KindNumber {
		return "", false
	}
	own = id.AsText()
	return own, goodOwn(own)
}

// parseResources reads ["name", …]. What is no good name is left out.
func parseResources(payload []byte) (names []string, ok bool) {
	payload = text(payload)
	var all []any
	if !pyaiot.Valid(payload) || json.Unmarshal(payload, &all) != nil {
		return nil, false
	}
	for _, a := range all {
		if name, isText := a.(string); isText && goodResource(name) && len(names) < maxBacklog {
			names = append(names, name)
		}
	}
	return names, true
}

// parseValue reads {"value": V}.
func parseValue(payload []byte) (v roost.Value, ok bool) {
	all, ok := pairs(payload)
	v = member(all, "value")
	return v, ok && v != ""
}

// parseAny takes a payload as JSON if it is, else as text.
func parseAny(payload []byte) roost.Value {
	if t := text(payload); pyaiot.Valid(t) {
		return roost.Value(t)
	}
	return roost.Text(string(payload))
}

// parseReadings reads {name: value, …}, whose time is at, or a backlog
// [{"time": T, "values": {name: value, …}}, …], oldest first when it is given back.
func parseReadings(payload []byte, at time.Time, maxValue int) ([]roost.Resource, error) {
	payload = text(payload)
	if !pyaiot.Valid(payload) {
		return nil, roost.Errorf(roost.Invalid, "Readings are JSON; this is none.")
	}
	if payload[0] != '[' {
		return appendReadings(nil, payload, at, maxValue)
	}
	var entries []struct {
		Time   roost.Value
		Values json.RawMessage
	}
	if err := json.Unmarshal(payload, &entries); err != nil {
		return nil, roost.Errorf(roost.Invalid, `A backlog is a list of {"time": …, "values": {…}}.`)
	}
	if len(entries) > maxBacklog {
		return nil, roost.Errorf(roost.TooLarge, "A message holds at most %d entries of a backlog.", maxBacklog)
	}
	var all []roost.Resource
	for _, e := range entries {
		when, err := parseTime(e.Time)
		if err == nil {
			all, err = appendReadings(all, e.Values, when, maxValue)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b roost.Resource) int { return a.At.Compare(b.At) })
	return all, nil
}

func appendReadings(dst []roost.Resource, object []byte, at time.Time, maxValue int) ([]roost.Resource, error) {
	all, ok := pyaiot.Pairs(object)
	if !ok {
		return nil, roost.Errorf(roost.Invalid, "Readings are a JSON object of names and values.")
	}
	for _, p := range all {
		switch {
		case !goodResource(p.Name):
			return nil, roost.Errorf(roost.Invalid, "The name of a resource is empty, too long, or no plain text.")
		case len(p.Value) > maxValue:
			return nil, roost.Errorf(roost.TooLarge, "A value has at most %d bytes.", maxValue)
		}
		dst = append(dst, roost.Resource{Name: p.Name, Value: roost.Value(p.Value), At: at})
	}
	return dst, nil
}

// What a time may be, in Unix ms: from 2000 to 2100. Devices without a clock start
// in 1970.
const minTime, maxTime = 946_684_800_000, 4_102_444_800_000

// parseTime reads Unix milliseconds, as a number or as text, or RFC 3339. Nothing is
// no time.
func parseTime(v roost.Value) (time.Time, error) {
	s := strings.TrimSpace(v.AsText())
	if v == "" || v == "null" || s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		ms, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(ms) || ms < minTime || ms > maxTime {
			return time.Time{}, roost.Errorf(roost.Invalid, "A time is in Unix milliseconds or as 2026-05-01T12:00:00Z.")
		}
		return time.UnixMilli(int64(ms)), nil
	}
	if ms := t.UnixMilli(); ms < minTime || ms > maxTime {
		return time.Time{}, roost.Errorf(roost.Invalid, "A time is between the years 2000 and 2100.")
	}
	return t, nil
}

// answer is a thing's word on a command.
type answer struct {
	id    string
	ok    bool
	value roost.Value
	why   string
}

// parseReply reads {"id": ID, "ok": true, "value": V} or {"id": ID, "ok": false,
// "error": TEXT}. The id may come as correlation data instead.
func parseReply(payload, correlation []byte) (a answer, ok bool) {
	all, ok := pairs(payload)
	if !ok {
		return a, false
	}
	a.id = member(all, "id").AsText()
	if a.id == "" && len(correlation) <= maxOwn && utf8.Valid(correlation) {
		a.id = string(correlation)
	}
	switch member(all, "ok") {
	case "true":
		a.ok, a.value = true, member(all, "value")
	case "false":
		a.why = member(all, "error").AsText()
		if a.why == "" {
			a.why = "The thing says that it failed."
		}
		a.why = cut(a.why, 512)
	default:
		return a, false
	}
	return a, a.id != ""
}

// cut shortens text to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// parseStatus reads online and offline, bare or as JSON text.
func parseStatus(payload []byte) (online, ok bool) {
	switch word := strings.ToLower(strings.Trim(string(cutBytes(text(payload), 16)), `"`)); word {
	case "online":
		return true, true
	case "offline":
		return false, true
	}
	return false, false
}

func cutBytes(b []byte, n int) []byte { return b[:min(n, len(b))] }
