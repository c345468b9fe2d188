package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// weather makes believable values: a slow curve over the day, slower and
// quicker waves of a thing's own, and a little noise that wanders rather than jumps.
type weather struct {
	rng    *rand.Rand
	phase  float64 // radians; where this thing's waves stand
	offset float64 // -1 to 1; a warm or a cold corner
	noise  map[string]float64
	born   time.Time
}

func newWeather(rng *rand.Rand) weather {
	return weather{
		rng: rng, phase: 2 * math.Pi * rng.Float64(), offset: 2*rng.Float64() - 1,
		noise: map[string]float64{}, born: time.Now(),
	}
}

// sense reads a sensor. Not ok: that is no sensor. lit: the thing's lamp is on.
func (w *weather) sense(resource string, at time.Time, lit bool) (value string, ok bool) {
	switch resource {
	case "temperature": // 18 to 26 °C
		t := 22 + 2.8*daily(at, 15) + 0.6*w.offset + 0.3*w.wave(at, 11*time.Minute) + 0.15*w.wave(at, 187*time.Second)
		return fmt.Sprintf("%.1f°C", clamp(t+w.wander(resource, 0.02), 18, 26)), true
	case "humidity":
		h := 57 - 13*daily(at, 15) - 4*w.offset + 1.5*w.wave(at, 17*time.Minute) + 0.5*w.wave(at, 4*time.Minute)
		return fmt.Sprintf("%.2f%%", clamp(h+w.wander(resource, 0.06), 5, 98)), true
	case "pressure":
		p := 1013.25 + 5*w.wave(at, 89*time.Hour) + 0.3*w.wave(at, 43*time.Minute)
		return fmt.Sprintf("%.2fhPa", p+w.wander(resource, 0.015)), true
	case "illuminance":
		return fmt.Sprintf("%.0flx", w.light(at, lit)), true
	case "eco2": // an office: more by day, and people come and go
		c := 640 + 160*daily(at, 14) + 90*w.wave(at, 23*time.Minute) + w.wander(resource, 4)
		return fmt.Sprintf("%.0fppm", clamp(c, 400, 8192)), true
	case "tvoc":
		return fmt.Sprintf("%.0fppb", clamp(45+20*w.wave(at, 19*time.Minute)+w.wander(resource, 2), 0, 1187)), true
	case "battery": // charged by the sun
		return fmt.Sprintf("%.0f%%", clamp(72+20*daily(at, 17)+5*w.offset, 5, 100)), true
	case "status":
		return w.status(at), true
	case "suit_state":
		state, _ := w.update(at)
		return strconv.Itoa(state), true
	case "dwnld":
		_, percent := w.update(at)
		return strconv.Itoa(percent), true
	case "imu":
		return w.imu(at), true
	}
	return "", false
}

// update is how far a thing is with an update of itself (SUIT), which it makes every
// two and a half minutes: the state as Pyaiot's nodes tell it, and percent.
func (w *weather) update(at time.Time) (state, percent int) {
	switch s := int(at.Sub(w.born).Seconds()) % 150; {
	case s < 100:
		return 0, 0
	case s < 105:
		return 1, 0 // triggered
	case s < 110:
		return 2, 0 // its signature is looked at
	case s < 135:
		return 6, 4 * (s - 110) // it is fetched
	case s < 140:
		return 9, 100 // its digest is looked at
	}
	return 11, 100
}

// status is what a thing says of itself.
func (w *weather) status(at time.Time) string {
	heap := 92_000 + int(9_000*w.wave(at, 13*time.Minute)+300*w.rng.NormFloat64())
	return fmt.Sprintf(`{"uptime":%d,"heap":%d,"rssi":%d}`, int(at.Sub(w.born).Seconds()), heap, -61+int(6*w.wave(at, 7*time.Minute)))
}

// light is the daylight behind passing clouds, and the lamp.
func (w *weather) light(at time.Time, lit bool) float64 {
	sun := max(0, daily(at, 13)+0.25) / 1.25
	clouds := 1 + 0.07*w.wave(at, 5*time.Minute) + 0.03*w.wave(at, 71*time.Second)
	lx := 3 + 620*sun*clouds + w.wander("illuminance", 0.8)
	if lit {
		lx += 180
	}
	return max(0, lx)
}

// imu is a thing that rocks and turns slowly: acceleration in thousandths of g,
// turning in degrees a second, and the field of the earth.
func (w *weather) imu(at time.Time) string {
	const rockRoll, rockPitch, rockYaw = 12 * time.Second, 17 * time.Second, 40 * time.Second
	roll, turnRoll := w.rock(at, rockRoll, 35)
	pitch, turnPitch := w.rock(at, rockPitch, 20)
	yaw := w.angle(at, rockYaw)
	turnYaw := 360 / rockYaw.Seconds()
	sr, cr := math.Sincos(roll)
	sp, cp := math.Sincos(pitch)
	sy, cy := math.Sincos(yaw)
	n := func(v float64) int { return int(math.Round(v + 2*w.rng.NormFloat64())) }
	return fmt.Sprintf(`[{"type":"acc","values":[%d,%d,%d]},{"type":"gyro","values":[%d,%d,%d]},{"type":"mag","values":[%d,%d,%d]}]`,
		n(-1000*sp), n(1000*sr*cp), n(1000*cr*cp),
		int(math.Round(turnRoll)), int(math.Round(turnPitch)), int(math.Round(turnYaw)),
		n(210*cy), n(-210*sy), n(-430))
}

// rock swings by that many degrees to both sides: the angle in radians and how
// quickly it changes, in degrees a second.
func (w *weather) rock(at time.Time, period time.Duration, degrees float64) (angle, turning float64) {
	s, c := math.Sincos(w.angle(at, period))
	return degrees * math.Pi / 180 * s, degrees * c * 2 * math.Pi / period.Seconds()
}

// wave swings between -1 and 1 with that period.
func (w *weather) wave(at time.Time, period time.Duration) float64 {
	return math.Sin(w.angle(at, period))
}

// angle is how far a turn of that period has come, in radians.
func (w *weather) angle(at time.Time, period time.Duration) float64 {
	turns := float64(at.UnixNano()%int64(period)) / float64(period)
	return 2*math.Pi*turns + w.phase
}

// wander is noise that remembers where it was; step is the size of its steps.
func (w *weather) wander(resource string, step float64) float64 {
	v := 0.9*w.noise[resource] + step*w.rng.NormFloat64()
	w.noise[resource] = v
	return v
}

// daily is 1 at that hour of the day and -1 twelve hours from it.
func daily(at time.Time, hour float64) float64 {
	h, m, s := at.Clock()
	now := float64(h) + float64(m)/60 + float64(s)/3600
	return math.Cos(2 * math.Pi * (now - hour) / 24)
}

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }
