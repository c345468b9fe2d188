package web

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// lastSecond is the last second of the year 9999.
const lastSecond = 253402300799

// legacyTime reads a time as Pythings' web API took it (docs/protocols/pythings-web-api.md):
// epoch seconds, or ISO 8601 with a zone. What it does not take counts as not given,
// and so does 0.
func legacyTime(text string) (t time.Time, ok bool) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "T") {
		return isoTime(text)
	}
	if text == "" || strings.Trim(text, "+-.0123456789eE") != "" { // ParseFloat takes more: 0x1p4, inf
		return t, false
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds == 0 || math.Abs(seconds) > lastSecond {
		return t, false
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), true
}

// isoTime reads YYYY-MM-DDThh:mm:ss[.f](Z|+hh:mm|-hh:mm). The fraction is a number of
// microseconds: ".5" is five of them.
func isoTime(text string) (t time.Time, ok bool) {
	var zone string
	if i := strings.LastIndexAny(text, "Z+-"); i > strings.IndexByte(text, 'T') {
		text, zone = text[:i], text[i:]
	}
	if zone == "Z" {
		zone = "+00:00"
	}
	text, fraction, fractional := strings.Cut(text, ".")
	var micros int64
	if fractional {
		n, err := strconv.ParseUint(fraction, 10, 32)
		if err != nil || n >= 1e6 {
			return t, false
		}
		micros = int64(n)
	}
	offset, ok := zoneOffset(zone)
	if !ok {
		return t, false
	}
	t, err := time.Parse("2006-01-02T15:04:05", text) // refuses the 30th of February
	if err != nil || len(text) != len("2006-01-02T15:04:05") {
		return time.Time{}, false
	}
	return t.Add(time.Duration(micros)*time.Microsecond - offset), true
}

// zoneOffset reads "+01:00".
func zoneOffset(zone string) (offset time.Duration, ok bool) {
	if len(zone) != len("+01:00") || zone[3] != ':' {
		return 0, false
	}
	hours, err := strconv.ParseUint(zone[1:3], 10, 8)
	if err != nil || hours > 23 {
		return 0, false
	}
	minutes, err := strconv.ParseUint(zone[4:6], 10, 8)
	if err != nil || minutes > 59 {
		return 0, false
	}
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if zone[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// appendLegacyTime appends t in quotes: without a fraction, or with six digits of one.
func appendLegacyTime(b []byte, t time.Time) []byte {
	format := `"2006-01-02T15:04:05Z"`
	if t.Nanosecond()/1000 != 0 {
		format = `"2006-01-02T15:04:05.000000Z"`
	}
	return t.UTC().AppendFormat(b, format)
}
