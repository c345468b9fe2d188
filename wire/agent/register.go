package agent

import (
	"encoding/json"
	"slices"

	"github.com/roost-iot/roost"
)

// Bounds of what a thing says of itself; those of texts in bytes.
const (
	mostBad       = 64 // versions that failed in a slot
	mostResources = 128
	mostDone      = 64
	maxTraceback  = 8 << 10
	maxText       = 256
)

// Register is what a thing says after each boot. Versions are texts, "0" for none.
type Register struct {
	Boot      string            `json:"boot"` // 8 hex digits, new with each boot
	MAC       string            `json:"mac"`
	Platform  string            `json:"platform"`
	Machine   string            `json:"machine"`
	Python    string            `json:"python"`
	MPY       int               `json:"mpy"` // version of MicroPython's bytecode that it takes; 0: none
	Profile   string            `json:"profile"`
	ROM       int               `json:"rom,omitempty"` // bytes of one part of the ROM in which its runtime lies; 0: it has none
	Max       int               `json:"max"`           // the longest answer that it takes, in bytes; 0: any
	OS        string            `json:"os"`
	App       string            `json:"app"`
	Slots     Slots             `json:"slots"`
	Flash     int64             `json:"flash"` // free bytes
	Mem       int64             `json:"mem"`   // free bytes
	IP        string            `json:"ip"`
	Reset     string            `json:"reset"` // what made it boot
	Why       string            `json:"why"`   // what a planned restart was for
	Meta      roost.Value       `json:"meta"`
	Resources []Resource        `json:"resources"`
	Owner     string            `json:"owner"` // OwnerName of its release key, "" without one
	Files     map[string]string `json:"files"` // first 16 hex digits of SHA-256, by name
	Crash     *Crash            `json:"crash"`
	Done      []string          `json:"done"` // ids of restarts that have happened
	Net       *Net              `json:"net,omitempty"`
}

// Net says by which Wi-Fi a thing came, and which ones it tried in vain.
type Net struct {
	SSID   string   `json:"ssid"`
	Failed []string `json:"failed,omitempty"`
}

// Bounds of Net: as many networks as a thing knows, and an SSID in bytes (IEEE 802.11).
const (
	mostNetworks = 8
	maxSSID      = 32
)

// check leaves out what is too long or too many; n may be nil.
func (n *Net) check() {
	if n == nil {
		return
	}
	if len(n.SSID) > maxSSID {
		n.SSID = ""
	}
	n.Failed = slices.DeleteFunc(n.Failed, func(s string) bool { return s == "" || len(s) > maxSSID })
	n.Failed = n.Failed[:min(len(n.Failed), mostNetworks)]
}

// Slots are those of the runtime and of the app.
type Slots struct {
	OS  Slot `json:"os"`
	App Slot `json:"app"`
}

// Slot says what runs, what ran before, and what failed.
type Slot struct {
	Run  string   `json:"run"` // folder, like Prev
	Ver  string   `json:"ver"`
	Prev string   `json:"prev,omitempty"`
	PVer string   `json:"pver,omitempty"`
	Try  *int     `json:"try,omitempty"`  // boots of the trial that is under way; nil: none is
	Bad  []string `json:"bad,omitempty"`  // versions that failed
	N    int64    `json:"n,omitempty"`    // of the last envelope that was taken or refused
	From string   `json:"from,omitempty"` // "slot" or "factory"
}

// Resource is a named value that a thing has.
type Resource struct {
	Name string `json:"name"`
	Set  bool   `json:"set"` // it takes a set
}

// Crash is the end of an app or of the runtime that nobody wanted.
type Crash struct {
	Part string `json:"part"` // KindApp or KindOS
	Ver  string `json:"ver"`
	Text string `json:"text"` // traceback
	At   int64  `json:"at"`   // ms since 1970; 0: the thing had no time
}

// RegisterAnswer tells a thing its name and its settings.
type RegisterAnswer struct {
	Now      int64     `json:"now"` // ms since 1970
	Name     string    `json:"name"`
	Settings *Settings `json:"settings,omitempty"`
}

// Settings have a tag by which a thing says that it has them.
type Settings struct {
	Tag    string         `json:"tag"`
	Values map[string]any `json:"v"`
}

// ParseRegister reads what a thing says after a boot. Errors wrap ErrMessage.
func ParseRegister(b []byte) (Register, error) {
	var r Register
	if err := read(mend(b), &r); err != nil {
		return r, err
	}
	if !isHex(r.Boot, 8) {
		return r, bad("boot is 8 hex digits in lower case")
	}
	if r.MPY < 0 || r.MPY > 255 || r.ROM < 0 || r.Max < 0 || r.Flash < 0 || r.Mem < 0 {
		return r, bad("mpy, rom, max, flash or mem is out of range")
	}
	if len(r.Files) > mostFiles || len(r.Resources) > mostResources || len(r.Done) > mostDone {
		return r, bad("too many files, resources or restarts")
	}
	err := texts(maxText, r.MAC, r.Platform, r.Machine, r.Python, r.Profile, r.OS, r.App, r.IP, r.Reset, r.Why, r.Owner)
	if err == nil {
		err = r.checkLists()
	}
	return r, err
}

func (r *Register) checkLists() error {
	for name, hash := range r.Files {
		if err := texts(maxText, name, hash); err != nil {
			return err
		}
	}
	for _, res := range r.Resources {
		if res.Name == "" || len(res.Name) > maxText {
			return bad("a resource has a name of up to %d bytes", maxText)
		}
	}
	if err := texts(maxText, r.Done...); err != nil {
		return err
	}
	r.Net.check()
	if r.Meta == "null" || r.Meta != "" && r.Meta[0] != '{' {
		r.Meta = ""
	}
	return firstOf(r.Slots.check(), r.Crash.check())
}

func (s Slots) check() error { return firstOf(s.OS.check(), s.App.check()) }

func (s Slot) check() error {
	if len(s.Bad) > mostBad || s.N < 0 || s.Try != nil && *s.Try < 0 {
		return bad("a slot has too many versions, or numbers below 0")
	}
	return firstOf(texts(maxText, s.Run, s.Ver, s.Prev, s.PVer, s.From), texts(maxText, s.Bad...))
}

// check bounds a crash, which may be nil; a longer traceback loses its beginning.
func (c *Crash) check() error {
	if c == nil {
		return nil
	}
	if len(c.Text) > maxTraceback {
		c.Text = c.Text[len(c.Text)-maxTraceback:]
	}
	return texts(maxText, c.Part, c.Ver)
}

// firstOf gives the first error.
func firstOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// mend puts null where Python wrote nan or inf, which are no JSON; all else stays as it
// is. A thing whose app returned such a number shall not fall silent for it.
func mend(b []byte) []byte {
	if json.Valid(b) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			end := stringEnd(b, i)
			out = append(out, b[i:end]...)
			i = end
		case c == '-' && i+1 < len(b) && letter(b[i+1]):
			i++ // of -inf
		case letter(c):
			end := i
			for end < len(b) && letter(b[end]) {
				end++
			}
			out = append(out, word(b[i:end])...)
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// stringEnd is where the JSON string that begins at i ends.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func word(w []byte) []byte {
	switch string(w) {
	case "nan", "NaN", "inf", "Infinity":
		return []byte("null")
	}
	return w
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
