package pythings_test

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	"github.com/roost-iot/roost/internal/roomtest"
)

func p[T any](v T) *T { return &v }

const recordedSettings = `{"settings":{"pythings_version":"factory","app_version":"1700000000","management_interval":"3","worker_interval":"5","battery_operated":false,"setup_timeout":60,"ssl":false,"payload_encryption":false,"pool":"development"}}`

// S01
func TestSettingsStandStill(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("still")
	for range 50 {
		_, r := d.management()
		if r.body != recordedSettings {
			t.Fatalf("%s", r.body)
		}
		d.mustReport("management", "OK", nil)
	}
	h = h.again(plan{})
	d.h = h
	for range 50 {
		if _, r := d.management(); r.body != recordedSettings {
			t.Fatalf("after a restart: %s", r.body)
		}
	}
}

// S02, S04
func TestChangesReachTheDevice(t *testing.T) {
	h := build(t, plan{})
	d := h.running("changed")
	h.pool(recordedApp, "development", roost.SettingsChange{Management: p(7), Battery: p(true), Backend: p("other.example:8080")})
	s := d.settings()
	if s["management_interval"] != "7" || s["battery_operated"] != true || s["backend"] != "other.example:8080" {
		t.Errorf("settings %v", s)
	}
	if _, there := s["reregister"]; there {
		t.Error("reregister was never asked for")
	}
	d.mustReport("pythings", "OK", "Resetting due to Settings update")
	d.pool = "development"
	d.mustRegister()
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.releases.Again(ctx, d.ref()); err != nil {
		t.Fatal(err)
	}
	first, second := d.settings()["reregister"], d.settings()["reregister"]
	if first == nil || first == "" || first != second {
		t.Errorf("reregister %v, then %v", first, second)
	}
	d.mustRegister()
	if got := d.settings()["reregister"]; got != first {
		t.Errorf("after the registration: %v, was %v", got, first)
	}
}

// S16: the same token is good for every name of the server, as soon as settings say so.
func TestBackendIsSentOnlyWhenSet(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("here")
	if s := d.settings(); s["backend"] != nil {
		t.Errorf("settings %v", s)
	}
}

func TestTLSIsAskedForOnlyWhereItIs(t *testing.T) {
	for _, c := range []struct {
		served, old bool
		platform    string
		plain       bool // what a device in plain is told
	}{
		{false, false, "Python", false},
		{true, false, "Python", true},
		{true, false, "esp8266", false},
		{true, true, "esp8266", true},
	} {
		h := build(t, plan{change: func(config *pythings.Config) { config.TLS, config.OldTLS = c.served, c.old }})
		h.pool(recordedApp, "development", roost.SettingsChange{TLS: p(true)})
		d := h.device("tls")
		d.platform = c.platform
		d.mustRegister()
		if got := d.settings()["ssl"]; got != c.plain {
			t.Errorf("%+v: ssl %v", c, got)
		}
		d.sealed = true
		if got := d.settings()["ssl"]; got != true {
			t.Errorf("%+v, by TLS: ssl %v", c, got)
		}
	}
}

// S06, S07
func TestAppFilesAreListedAndComposed(t *testing.T) {
	h := build(t, plan{})
	app, commit := h.newApp(newLamp, map[string]string{
		"worker_task.py": recordedWorker, "management_task.py": recordedTask, "driver.py": "PIN = 2\n",
	})
	d := h.device("files")
	d.aid = string(app.ID)
	d.mustRegister()
	get := func(name, version string) reply {
		return d.call("apps/get/", map[string]any{"file_name": name, "version": version, "platform": "Python"})
	}
	want(t, "list", d.call("apps/get/", map[string]any{"version": commit, "list": true}), 200, `["worker_task.py","management_task.py","driver.py"]`)
	for name, body := range map[string]string{
		"worker_task.py":     "import logger\ntry:\n    import sensors\nexcept ImportError:\n    pass\n\n" + recordedWorker + "\nversion='" + commit + "'",
		"management_task.py": "import logger\n" + recordedTask + "\nversion='" + commit + "'",
		"driver.py":          "import logger\nPIN = 2\n\nversion='" + commit + "'",
	} {
		if r := get(name, commit); r.status != 200 || r.body != body || r.kind != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s %q, want %q", name, r.status, r.kind, r.body, body)
		}
	}
	want(t, "unknown file", get("nothing.py", commit), 404, "nothing.py")
	want(t, "unknown version", get("worker_task.py", "1"), 404, "")
	want(t, "another app's version", get("worker_task.py", recordedCommit), 404, "")
	all := d.call("apps/get/", map[string]any{"version": commit})
	if all.status != 200 || !strings.HasPrefix(all.body, "import logger\n"+recordedWorker+recordedTask) || !strings.HasSuffix(all.body, "\nversion='"+commit+"'") {
		t.Errorf("all files: %q", all.body)
	}
}

func TestClassesOfBeforeAreThereForOldDevices(t *testing.T) {
	h := build(t, plan{})
	d := h.device("rc3")
	d.os = "v1.0.0-rc3"
	d.mustRegister()
	for name, class := range map[string]string{"worker_task.py": "class worker_task(WorkerTask):", "management_task.py": "class management_task(ManagementTask):"} {
		r := d.call("apps/get/", map[string]any{"file_name": name, "version": recordedCommit, "platform": "Python"})
		want(t, name, r, 200, class)
		if !strings.HasSuffix(r.body, "\nversion='1700000000'") {
			t.Errorf("%s ends %q", name, r.body)
		}
	}
}

// S08
func TestFileThatIsNotASCIIIsNeverServed(t *testing.T) {
	const accents = "# caffè\n"
	h := build(t, plan{seed: func(rooms *roomtest.Rooms) {
		err := rooms.Store.SaveCommit(context.Background(), roost.Commit{
			Project: roost.Home, App: recordedApp, ID: "1700000001", Parent: recordedCommit,
			Files: []roost.SourceFile{{Name: "worker_task.py", Digest: sha256.Sum256([]byte(accents)), Size: len(accents)}},
		}, []string{accents}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}})
	d := h.ready("accents")
	r := d.call("apps/get/", map[string]any{"file_name": "worker_task.py", "version": "1700000001", "platform": "Python"})
	want(t, "file", r, 409, "not ASCII")
}

// osFiles is a small OS for these tests.
var osFiles = map[string]string{
	"api.py": "a = 1 & 1\n", "init.py": "import api\n", "version.py": "version='v1.0.0'\n",
}

// S09
func TestNothingOutsideTheShelfIsRead(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "Python", osFiles, "api.py", "init.py", "version.py")
	d := h.ready("curious")
	for _, q := range []map[string]any{
		{"file_name": "../files.txt", "version": "v1.0.0", "platform": "Python"},
		{"file_name": "../../../roost.db", "version": "v1.0.0", "platform": "Python"},
		{"file_name": "api.py", "version": "..", "platform": "Python"},
		{"file_name": "api.py", "version": "v1.0.0", "platform": "/etc"},
		{"file_name": "passwd", "version": "v1.0.0", "platform": "../../../../../../etc"},
		{"file_name": "..", "version": "v1.0.0", "platform": "Python"},
		{"file_name": `..\api.py`, "version": "v1.0.0", "platform": "Python"},
		{"file_name": "nothing.py", "version": "v1.0.0", "platform": "Python"},
		{"file_name": "api.py", "version": "v9", "platform": "Python"},
		{"list": true, "version": "..", "platform": "Python"},
		{"list": true, "version": "v1.0.0", "platform": "/etc"},
		{"list": true, "version": "v1.0.0", "platform": "esp32"},
	} {
		want(t, "pythings/get", d.call("pythings/get/", q), 404, "")
	}
}

// S10, S11: what the device is told and gets; its own part is in the journeys.
func TestOSFromTheShelf(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "Python", osFiles, "api.py", "init.py", "version.py")
	d := h.ready("os")
	d.settings()
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0")})
	if got := d.settings()["pythings_version"]; got != "v1.0.0" {
		t.Errorf("told %v", got)
	}
	r := d.call("pythings/get/", map[string]any{"version": "v1.0.0", "list": true, "platform": "Python"})
	want(t, "list", r, 200, `{"api.py":"10","init.py":"11","version.py":"17"}`)
	r = d.call("pythings/get/", map[string]any{"file_name": "version.py", "version": "v1.0.0", "platform": "Python"})
	if r.status != 200 || r.body != "version='v1.0.0'\n" {
		t.Errorf("version.py: %d %q", r.status, r.body)
	}
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("factory")})
	if got := d.settings()["pythings_version"]; got != "factory" {
		t.Errorf("told %v", got)
	}
}

// S12
func TestFrozenDeviceIsAskedForNoOS(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "esp8266", osFiles, "api.py", "init.py", "version.py")
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0")})
	d := h.device("frozen")
	d.platform, d.frozen = "esp8266", true
	d.mustRegister()
	if got := d.settings()["pythings_version"]; got != "factory" {
		t.Errorf("told %v", got)
	}
	d.frozen = false
	d.mustRegister()
	if got := d.settings()["pythings_version"]; got != "v1.0.0" {
		t.Errorf("not frozen: told %v", got)
	}
}

// S14: the device asks for what is not there, and for nothing that would not work.
func TestOSThatTheShelfDoesNotHaveIsNotAskedFor(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "esp32", osFiles, "api.py", "init.py", "version.py")
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0")})
	d := h.ready("python") // of platform Python
	for range 3 {
		if got := d.settings()["pythings_version"]; got != "v1.1.0" {
			t.Errorf("told %v", got)
		}
	}
	said := 0
	for _, line := range h.log(d.ref()) {
		if strings.Contains(line.Text, "of which the shelf has nothing for Python") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	r := d.call("pythings/get/", map[string]any{"version": "v1.0.0", "list": true, "platform": "Python"})
	want(t, "list", r, 404, "")
	want(t, "KO", d.report("management", "KO", "HTTPError 404 (Traceback (most recent call last):\n  File x\n)"), 200, "")
	h.shelve("v1.0.0", "Python", osFiles, "api.py", "init.py", "version.py")
	if got := d.settings()["pythings_version"]; got != "v1.0.0" {
		t.Errorf("once it is there: told %v", got)
	}
}

// S17
func TestEncryptionRestsWhileItWouldDamage(t *testing.T) {
	h := build(t, plan{encrypt: true})
	d := h.device("fragile")
	d.app = recordedCommit
	d.encrypt()
	d.mustRegister()
	if got := d.settings()["payload_encryption"]; got != true {
		t.Fatalf("payload_encryption %v", got)
	}
	and := "class WorkerTask(object):\n    def call(self):\n        return {'bit': 5 & 4}\n"
	commit := h.commit(recordedApp, map[string]string{"worker_task.py": and, "management_task.py": recordedTask})
	h.pool(recordedApp, "development", roost.SettingsChange{App: p(commit)})

	file := map[string]any{"file_name": "worker_task.py", "version": commit, "platform": "Python"}
	want(t, "in the encrypted session", d.call("apps/get/", file), 409, "payload encryption takes out")
	s := d.settings()
	if s["payload_encryption"] != false || s["app_version"] != commit {
		t.Errorf("before the update: %v", s)
	}
	d.cipher = nil // it restarts in clear
	d.mustRegister()
	if s := d.settings(); s["payload_encryption"] != false {
		t.Errorf("in clear: %v", s)
	}
	if r := d.call("apps/get/", map[string]any{"file_name": "worker_task.py", "version": commit, "platform": "Python"}); !strings.Contains(r.body, "5 & 4") {
		t.Errorf("file %q", r.body)
	}
	d.app = commit
	d.mustRegister()
	if s := d.settings(); s["payload_encryption"] != true {
		t.Errorf("after the update: %v", s)
	}
	d.encrypt()
	d.mustRegister()
	if s := d.settings(); s["payload_encryption"] != true {
		t.Errorf("encrypted again: %v", s)
	}
}

// S17, of an OS.
func TestOSIsFetchedInClear(t *testing.T) {
	h := build(t, plan{encrypt: true})
	h.shelve("v1.0.0", "Python", osFiles, "api.py", "init.py", "version.py")
	d := h.device("os")
	d.app = recordedCommit
	d.encrypt()
	d.mustRegister()
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0")})
	if s := d.settings(); s["payload_encryption"] != false || s["pythings_version"] != "v1.0.0" {
		t.Errorf("settings %v", s)
	}
	r := d.call("pythings/get/", map[string]any{"file_name": "api.py", "version": "v1.0.0", "platform": "Python"})
	want(t, "in the encrypted session", r, 409, "payload encryption takes out")
	d.cipher, d.os = nil, "v1.0.0"
	d.mustRegister()
	if s := d.settings(); s["payload_encryption"] != true {
		t.Errorf("with the new OS: %v", s)
	}
}

func TestDeviceWithAModemIsNotToldToEncrypt(t *testing.T) {
	h := build(t, plan{encrypt: true})
	d := h.device("modem")
	for platform, encrypt := range map[string]bool{"esp32_sim800": false, "esp8266_sim800": false, "esp32": true} {
		d.platform = platform
		d.mustRegister()
		if got := d.settings()["payload_encryption"]; got != encrypt {
			t.Errorf("%s: payload_encryption %v", platform, got)
		}
	}
}

func TestThingOfADeletedAppGoesOn(t *testing.T) {
	h := build(t, plan{})
	d := h.running("orphan")
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.releases.DeleteApp(ctx, roost.Home, recordedApp); err != nil {
		t.Fatal(err)
	}
	_, r := d.management()
	want(t, "management", r, 200, "{}")
	want(t, "worker", d.worker(map[string]any{"n": 1}), 200, "")
	want(t, "file", d.call("apps/get/", map[string]any{"version": recordedCommit, "list": true}), 404, "no app")
}
