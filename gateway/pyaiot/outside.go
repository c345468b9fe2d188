package pyaiot

import (
	"encoding/json"
	"strings"

	"github.com/roost-iot/roost"
)

// tidy gives a value as it should have been said: texts without the NUL bytes with
// which RIOT nodes pad them, imu without the name that some firmwares put before it,
// and JSON in any case.
func tidy(name string, v roost.Value) roost.Value {
	if v == "" {
		return v
	}
	if v.IsText() {
		text := v.AsText()
		clean := strings.Trim(text, "\x00")
		if name == "imu" {
			clean = strings.TrimPrefix(clean, "imu:")
		}
		if clean != text {
			return roost.Text(clean)
		}
	}
	if !json.Valid([]byte(v)) {
		return roost.Text(string(v))
	}
	return v
}

// endpoint gives a resource's name as Pyaiot has it.
func endpoint(name string) string { return strings.TrimPrefix(name, "/") }
