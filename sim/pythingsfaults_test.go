package sim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
)

// What devices can not read is asked for again; then the right answer comes.
func TestDeviceAsksAgainForWhatItCanNotRead(t *testing.T) {
	good := `{"token":"t","epoch":1}`
	for name, answer := range map[string]string{
		"201":             "HTTP/1.1 201 Created\r\n\r\n" + good,
		"redirect":        "HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\n\r\n",
		"no reason":       "HTTP/1.1 200\r\n\r\n" + good,
		"empty reason":    "HTTP/1.1 200 \r\n\r\n" + good,
		"interim":         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + good,
		"nothing":         "",
		"UTF-8":           answerHead + `{"token":"caffè","epoch":1}`,
		"pretty-printed":  answerHead + "{\n\"token\":\"t\",\n\"epoch\":1}",
		"chunked":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n" + good + "\r\n0\r\n\r\n",
		"no JSON":         answerHead + "<html>",
		"error in detail": "HTTP/1.1 500 Internal Server Error\r\n\r\n\"oh\"",
	} {
		c := startCloud(t)
		c.once = true
		c.bend("/things/register/", answer)
		d := c.device()
		steps(t, d, "b")
		if n := len(c.bodies("/things/register/")); n != 2 || d.Token() != "t-1" {
			t.Errorf("%s: %d registrations, token %q", name, n, d.Token())
		}
	}
}

func TestDeviceTakesAnswersOfManyKinds(t *testing.T) {
	for name, answer := range map[string]string{
		"HTTP/1.0":       "HTTP/1.0 200 OK\r\n\r\n" + `{"token":"t","epoch":1}`,
		"epoch null":     answerHead + `{"token":"t","epoch":null}`,
		"more members":   answerHead + `{"x":[],"token":"t", "epoch" : 1}` + "\n{",
		"wrong length":   "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + `{"token":"t","epoch":1}`,
		"another reason": "HTTP/1.1 200 All is well\r\n\r\n" + `{"token":"t","epoch":1}`,
	} {
		c := startCloud(t)
		c.bend("/things/register/", answer)
		d := c.device()
		steps(t, d, "b")
		if n := len(c.bodies("/things/register/")); n != 1 || d.Token() != "t" {
			t.Errorf("%s: %d registrations, token %q", name, n, d.Token())
		}
	}
}

func TestDeviceHangsWhenHeadersDoNotEnd(t *testing.T) {
	for name, answer := range map[string]string{
		"cut":     "HTTP/1.1 200 OK\r\nContent-Ty",
		"LF only": "HTTP/1.1 200 OK\nContent-Type: x\n\n{}",
		"none":    "HTTP/1.1 200 OK\r\n",
	} {
		c := startCloud(t)
		c.bend("/things/register/", answer)
		if running, err := c.device().Boot(t.Context()); running || !errors.Is(err, sim.ErrHung) {
			t.Errorf("%s: running %v, %v", name, running, err)
		}
	}
}

func TestDeviceCrashesWithoutTokenOrEpoch(t *testing.T) {
	for answer, want := range map[string]string{
		`{"epoch":1}`: "KeyError 'token'", `{"token":"t"}`: "KeyError 'epoch'", "": "TypeError", "null": "TypeError", `[]`: "TypeError",
		"\n" + `{"token":"t","epoch":1}`: "TypeError",
	} {
		c := startCloud(t)
		c.bend("/things/register/", answerHead+answer)
		steps(t, c.device(), "b")
		c.wantLast(t, "/things/report/", `"what": "pythings", "status": "KO"`, want, "Traceback (most recent call last):")
		if body := c.bodies("/things/report/"); len(body) != 1 || strings.Contains(body[0], "token\":") {
			t.Errorf("%q: reports %q", answer, body)
		}
	}
}

func TestDeviceReportsStrangeManagementAnswers(t *testing.T) {
	for _, answer := range []string{"null", "", `"x"`, `{"settings":{"app_version":"1"}}`} {
		c := startCloud(t)
		d := c.newRunning(t)
		if strings.Contains(answer, "settings") { // it stores these, reboots and complains
			c.bend("/apps/management/", answerHead+answer)
			steps(t, d, "tB")
		} else {
			c.bend("/apps/management/", answerHead+answer)
			steps(t, d, "T")
		}
		if body := strings.Join(c.bodies("/things/report/"), "\n"); !strings.Contains(body, `"what": "management", "status": "KO"`) {
			t.Errorf("%q: %s", answer, body)
		}
	}
	c := startCloud(t)
	d := c.newRunning(t)
	c.bend("/apps/management/", answerHead+`{}`)
	steps(t, d, "T")
	if body := strings.Join(c.bodies("/things/report/"), "\n"); strings.Contains(body, "KO") {
		t.Errorf("without settings: %s", body)
	}
}

// A device never registers again by itself.
func TestDeviceWithADeadTokenGoesOn(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	before := len(c.heard())
	dead := "HTTP/1.1 401 Unauthorized\r\n\r\n\"token not found\""
	for _, path := range []string{"/apps/management/", "/apps/worker/", "/things/report/"} {
		c.bend(path, dead)
	}
	steps(t, d, "T")
	var paths []string
	for _, h := range c.heard()[before:] {
		paths = append(paths, strings.Split(h.path(), "/")[4])
	}
	// management thrice, the value thrice, its OK once, and its KO thrice
	if got := strings.Join(paths, " "); got != "management management management worker worker worker report report report report" {
		t.Errorf("%s", got)
	}
	c.wantLast(t, "/things/report/", `"what": "worker", "status": "KO"`, "401", "token not found")
}

func TestTruncatedFileIsInstalled(t *testing.T) {
	c := startCloud(t)
	c.bend("/apps/get/worker_task.py", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nwor")
	d := c.newRunning(t)
	if worker, _ := d.File("worker_task.py"); worker != "wor" {
		t.Errorf("%q", worker)
	}
	if app, _ := d.File("app.py"); !strings.Contains(app, "1700000000") {
		t.Errorf("app.py: %q", app)
	}
}

func TestBrokenDownloadLeavesNoApp(t *testing.T) {
	for name, answer := range map[string]string{
		"UTF-8": answerHead + strings.Repeat("x", 40) + "è", "404": "HTTP/1.1 404 Not Found\r\n\r\n\"no\"",
	} {
		c := startCloud(t)
		c.once = true
		d := c.device()
		steps(t, d, "b")
		c.bend("/apps/get/management_task.py", answer)
		steps(t, d, "B") // it goes on without an app
		c.wantLast(t, "/things/report/", `"what": "management", "status": "KO"`)
		if _, ok := d.File("app.py"); ok {
			t.Errorf("%s: app.py is there", name)
		}
		if file, _ := d.File("management_task.py"); len(file) > 40 {
			t.Errorf("%s: %q", name, file)
		}
		steps(t, d, "tB") // the next management run tries again
		if app, _ := d.File("app.py"); !strings.Contains(app, "1700000000") {
			t.Errorf("%s: app.py: %q", name, app)
		}
	}
}

func TestCutsAndPowerFailuresAreSurvived(t *testing.T) {
	c := startCloud(t)
	c.set("pythings_version", "v1.0.0")
	c.files["api.py"], c.files["crypto_rsa.py"], c.files["version.py"] = strings.Repeat("a\n", 500), "b\n", "version='v1.0.0'\n"
	d := c.device(func(p *sim.PythingsConfig) { p.Faults = sim.PythingsFaults{Cuts: 0.2, Power: 0.3, Seed: 7} })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for turns := 0; ; turns++ {
		running, err := d.Boot(ctx)
		for n := 0; running && err == nil && n < 10; n++ {
			running, err = d.Tick(ctx)
		}
		if err != nil && !errors.Is(err, sim.ErrHung) {
			t.Fatal(err)
		}
		app, _ := d.File("app.py")
		version, _ := d.File("v1.0.0/version.py")
		if running && strings.Contains(app, "1700000000") && version != "" {
			return
		}
		if turns == 2000 {
			t.Fatalf("app.py %q, version.py %q", app, version)
		}
	}
}
