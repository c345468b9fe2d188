package pythings

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// settings is what a device is told to be. It compares them with what it was told
// before, by value, and restarts when anything differs: they must not change by
// themselves. Their order is Pythings'.
type settings struct {
	OS           string `json:"pythings_version"`
	App          string `json:"app_version"`
	Management   string `json:"management_interval"`
	Worker       string `json:"worker_interval"`
	Battery      bool   `json:"battery_operated"`
	SetupTimeout int    `json:"setup_timeout"`
	TLS          bool   `json:"ssl"`
	Encrypt      bool   `json:"payload_encryption"`
	Pool         string `json:"pool"`
	Backend      string `json:"backend,omitempty"`
	Again        string `json:"reregister,omitempty"` // unknown to devices: a change of it makes them restart
}

// settingsFor makes the settings of a thing. note is what people should know when not
// all that is wanted can be asked for now.
func (d *Door) settingsFor(ctx context.Context, c *call, w release.Wanted) (s settings, note string, err error) {
	s = settings{
		App:        w.Commit,
		Management: strconv.Itoa(w.Settings.Management), Worker: strconv.Itoa(w.Settings.Worker),
		Battery: w.Settings.Battery, SetupTimeout: w.Settings.SetupTimeout,
		TLS: w.Settings.TLS, Encrypt: w.Settings.Encrypt,
		Pool: w.Pool, Backend: w.Settings.Backend, Again: w.Again,
	}
	if s.TLS && s.Backend == "" && !d.takesTLS(c) {
		s.TLS = false
		note = "shall use TLS, but would not find this server then: it has none that this device knows"
	}
	if s.OS = d.osFor(w.Settings.OS, c.run); s.OS != w.Settings.OS && !isFactory(w.Settings.OS) && !c.run.Frozen {
		note = fmt.Sprintf("shall run %s, of which the shelf has nothing for %s; it keeps %s", w.Settings.OS, orNone(c.run.Platform), orNone(c.run.OS))
	}
	if s.Encrypt && !c.run.Encrypted && strings.HasSuffix(c.run.Platform, "_sim800") {
		s.Encrypt = false // it could not read an answer that comes by its modem
		note = "shall use payload encryption, which devices with a modem cannot"
	}
	if !s.Encrypt {
		return s, note, nil
	}
	damaged, what, err := d.wouldDamage(ctx, c.run, s)
	if err != nil {
		return s, "", err
	}
	if damaged {
		s.Encrypt = false
		note = fmt.Sprintf("payload encryption is off until %s is installed: encryption would take each & out of its files", what)
	}
	return s, note, nil
}

// takesTLS tells that a device finds us by TLS: it did, or its kind can.
func (d *Door) takesTLS(c *call) bool {
	return overTLS(c.r) || d.cfg.TLS && (d.cfg.OldTLS || !strings.HasPrefix(c.run.Platform, "esp8266"))
}

// overTLS tells that a call came by TLS, to us or to a proxy before us.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func isFactory(version string) bool {
	return version == "" || strings.EqualFold(version, roost.Factory) || version == roost.Latest
}

// osFor gives the OS version that a thing is asked for. One whose OS is part of its
// firmware is asked for none; one for which the shelf has nothing keeps what it has.
func (d *Door) osFor(want string, run roost.Run) string {
	if isFactory(want) || run.Frozen {
		return roost.Factory
	}
	if want == run.OS || d.onShelf(want, run.Platform) {
		return want
	}
	if run.OS == "" || run.OS == "Unknown" {
		return roost.Factory
	}
	return run.OS
}

func (d *Door) onShelf(version, platform string) bool {
	files, err := d.cfg.Releases.OSFiles(version, platform)
	return err == nil && len(files) > 0
}

// wouldDamage tells that a thing is about to download what payload encryption damages:
// an OS, which always has an &, or an app with one.
func (d *Door) wouldDamage(ctx context.Context, run roost.Run, s settings) (damaged bool, what string, err error) {
	if !isFactory(s.OS) && s.OS != run.OS && !run.Frozen {
		return true, s.OS, nil
	}
	if s.App == run.Version || run.Version == "" {
		return false, "", nil
	}
	src, err := d.sourceOf(ctx, run.Ref, s.App)
	if roost.KindOf(err) == roost.NotFound {
		return false, "", nil // it cannot be downloaded either
	}
	return src.fragile, "app " + s.App, err
}

// rescue is what a device is told whose token we do not know: to take other settings,
// which makes it restart and register. What it is told then is right again.
func rescue(c *call) settings {
	return settings{
		OS: roost.Factory, App: "0", Management: "60", Worker: "300", SetupTimeout: 60,
		TLS: overTLS(c.r), Encrypt: c.cipher != nil,
		Again: "lost-" + strconv.FormatInt(c.now.Unix(), 10), // it must differ from what the device has
	}
}
