package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// What a set of a resource can be refused with.
var (
	errNotThere = errors.New("no such resource")
	errReadOnly = errors.New("resource can not be set")
	errValue    = errors.New("value not understood")
)

// longest is how many bytes a text or a script may have.
const longest = 64 << 10

// device is what a thing is made of, whatever protocol it speaks: its resources
// and their values.
type device struct {
	id        string
	resources []string // in the order in which they are told

	mu   sync.Mutex
	held map[string]string // values that stay until they are set
	air  weather
}

// newDevice makes the i-th thing of a fleet.
func newDevice(id, name string, resources []string, seed uint64, i int) *device {
	rng := rand.New(rand.NewPCG(seed, uint64(i)+1))
	d := &device{
		id:        id,
		resources: append([]string{"board", "name", "os"}, resources...),
		held: map[string]string{
			"board": "simulated", "name": name, "os": "riot",
			"led": "0", "robot": "s", "version": "1.0.0", "text": "Hello", "js": blink,
			"position": position(i + int(seed%100)), "rgb": "#2f6fde", "lcd": "Roost", "ribot": "0:0:0", "servo": "50%",
		},
		air: newWeather(rng),
	}
	return d
}

const blink = `var on = false;
setInterval(function () {
  on = !on;
  led.write(on);
}, 1000);
`

// position puts things on a small grid, so that each has its own place on a map.
func position(i int) string {
	lat := 48.714784 + 0.0006*float64(i%5)
	lng := 2.205502 + 0.0009*float64(i/5%20)
	return fmt.Sprintf(`{"lat":%.6f,"lng":%.6f}`, lat, lng)
}

// has tells whether the thing has that resource.
func (d *device) has(resource string) bool { return slices.Contains(d.resources, resource) }

// value gives the value of a resource at a time. Not ok: there is no such resource.
func (d *device) value(resource string, at time.Time) (string, bool) {
	if !d.has(resource) {
		return "", false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if v, ok := d.air.sense(resource, at, d.held["led"] == "1"); ok {
		return v, true
	}
	return d.held[resource], true
}

// set changes a value as a person asked. Errors: errNotThere, errReadOnly, errValue.
func (d *device) set(resource, value string) error {
	if !d.has(resource) {
		return errNotThere
	}
	switch resource {
	case "led":
		if value != "0" && value != "1" {
			return errValue
		}
	case "robot":
		if !slices.Contains([]string{"l", "r", "u", "s"}, value) {
			return errValue
		}
	case "rgb":
		if !isColour(value) {
			return errValue
		}
	case "servo":
		n, err := strconv.Atoi(strings.TrimSuffix(value, "%"))
		if err != nil || n < 0 || n > 100 {
			return errValue
		}
	case "ribot":
		var dx, dy, sum int
		if n, _ := fmt.Sscanf(value, "%d:%d:%d", &dx, &dy, &sum); n != 3 {
			return errValue
		}
	case "text", "js", "lcd":
		if len(value) > longest || !utf8.ValidString(value) {
			return errValue
		}
	default:
		return errReadOnly
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held[resource] = value
	return nil
}

// isColour tells that v is written as #rrggbb.
func isColour(v string) bool {
	if len(v) != 7 || v[0] != '#' {
		return false
	}
	_, err := strconv.ParseUint(v[1:], 16, 24)
	return err == nil
}

// moving tells whether the value of a resource changes by itself.
func moving(resource string) bool {
	switch resource {
	case "temperature", "pressure", "humidity", "illuminance", "imu", "eco2", "tvoc", "battery", "status", "suit_state", "dwnld":
		return true
	}
	return false
}

// sensed gives the resources whose values are sent at every interval, imu those
// that are sent ten times as often.
func (d *device) sensed() (slow, imu []string) {
	for _, r := range d.resources {
		switch {
		case r == "imu":
			imu = append(imu, r)
		case moving(r):
			slow = append(slow, r)
		}
	}
	return slow, imu
}
