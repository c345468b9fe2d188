package sim_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/roost-iot/roost/sim"
)

// secure makes c a backend that is reached by TLS only, with what old boards know.
func (c *cloud) secure(change func(*tls.Config)) {
	c.set("ssl", true)
	c.config.MinVersion = tls.VersionTLS10
	c.config.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	change(c.config)
}

func frozen8266(p *sim.PythingsConfig) { p.Platform, p.Frozen = "esp8266", true }

// T10
func TestBoardHasRoomForShortRecordsOnly(t *testing.T) {
	c := startCloud(t)
	c.secure(func(*tls.Config) {})
	c.files["worker_task.py"] = strings.Repeat("# twelve bytes", 1000)
	d := c.newRunning(t, frozen8266)
	if file, _ := d.File("worker_task.py"); len(file) != 14000 {
		t.Errorf("%d bytes are fetched in short records", len(file))
	}
	for _, h := range c.heard() {
		if !h.secure || h.server != "" {
			t.Fatalf("TLS %v, name %q", h.secure, h.server)
		}
	}

	c = startCloud(t)
	c.secure(func(config *tls.Config) { config.DynamicRecordSizingDisabled = true })
	c.files["worker_task.py"] = strings.Repeat("# twelve bytes", 1000)
	d = c.device(frozen8266)
	steps(t, d, "bB") // without an app
	c.wantLast(t, "/things/report/", `"what": "management"`, `"status": "KO"`)
	if said := strings.Join(c.bodies("/things/report/"), "\n"); !strings.Contains(said, "too long for this board") {
		t.Errorf("%s", said)
	}
}

func TestBoardKnowsOldSuitesOnly(t *testing.T) {
	c := startCloud(t)
	c.config.MinVersion = tls.VersionTLS12 // and none of RSA key exchange, as Go has it by itself
	tries := 0
	d := c.device(frozen8266, func(p *sim.PythingsConfig) {
		p.Told = func(e sim.PythingsEvent) {
			if e.Kind == sim.Failed {
				tries++
			}
		}
	})
	if _, err := boundBoot(t, d, func() bool { return tries >= 2 }); err == nil || len(c.heard()) > 0 {
		t.Errorf("%v, %d calls", err, len(c.heard()))
	}
}

// T03: such devices need a server at the usual ports, --http :80,:443.
func TestDeviceWithoutAPortCallsTheUsualOnes(t *testing.T) {
	if secure, plain := sim.PortAsDevice(true), sim.PortAsDevice(false); secure != "443" || plain != "80" {
		t.Errorf("it calls %s by TLS and %s without", secure, plain)
	}
}

// An ESP8266 without a frozen release knows no TLS at all.
func TestBoardWithoutTLSGoesPlain(t *testing.T) {
	c := startCloud(t)
	c.set("ssl", true)
	c.newRunning(t, func(p *sim.PythingsConfig) { p.Platform = "esp8266" })
	for _, h := range c.heard() {
		if h.secure {
			t.Fatal("it speaks TLS")
		}
	}
}

func TestESP32WantsToBeToldThatAConnectionEnds(t *testing.T) {
	for platform, works := range map[string]bool{"esp32": false, "Python": true} {
		c := startCloud(t)
		c.secure(func(config *tls.Config) { config.MaxVersion, config.CipherSuites = tls.VersionTLS12, nil })
		c.rude = true
		tries := 0
		d := c.device(func(p *sim.PythingsConfig) {
			p.Platform = platform
			p.Told = func(e sim.PythingsEvent) {
				if e.Kind == sim.Failed {
					tries++
				}
			}
		})
		_, err := boundBoot(t, d, func() bool { return tries >= 2 })
		if registered := d.Token() != ""; registered != works || works != (err == nil) {
			t.Errorf("%s: registered %v, %v", platform, registered, err)
		}
	}
}
