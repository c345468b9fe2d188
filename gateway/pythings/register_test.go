package pythings_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
)

var newLamp = release.NewApp{Name: "Other lamp", By: "ada", Management: 3, Worker: 5, Latest: true}

func (h *house) poolOf(ref roost.Ref) string {
	h.t.Helper()
	s, ok := h.releases.Software(ref)
	if !ok {
		h.t.Fatalf("nothing runs on %s", ref)
	}
	return s.Pool
}

// R01
func TestNewThingGoesToTheDefaultPool(t *testing.T) {
	h := build(t, plan{})
	d := h.device("A4CF12B3D5E6")
	r := d.register()
	var a struct{ Epoch int64 }
	if err := json.Unmarshal([]byte(r.body), &a); err != nil {
		t.Fatal(err)
	}
	if ahead := time.Now().Unix() - a.Epoch; ahead < -2 || ahead > 60 {
		t.Errorf("epoch is off by %d s", ahead)
	}
	if got := h.poolOf(d.ref()); got != "development" {
		t.Errorf("pool %q", got)
	}
	thing, _, ok := h.rooms.Registry.Get(d.ref())
	if !ok || !thing.Online || thing.Protocol != roost.PythingsOS || thing.Identity != (roost.Identity{Door: "pythings", Own: "A4CF12B3D5E6"}) {
		t.Errorf("thing %+v", thing)
	}
	if len(d.token) > 200 {
		t.Errorf("a token of %d characters", len(d.token))
	}
}

// R02, R03, R04
func TestPoolCountsAtTheFirstTimeOnly(t *testing.T) {
	h := build(t, plan{})
	for pool, got := range map[string]string{"staging": "staging", "moon": "development"} {
		d := h.device("in-" + pool)
		d.pool = pool
		d.mustRegister()
		if h.poolOf(d.ref()) != got {
			t.Errorf("%s: in %q", pool, h.poolOf(d.ref()))
		}
		d.pool = "production"
		d.mustRegister()
		if h.poolOf(d.ref()) != got {
			t.Errorf("%s, again: in %q", pool, h.poolOf(d.ref()))
		}
	}
}

// R05, R06
func TestThingOfAnAccountRunsWhatPeopleChoose(t *testing.T) {
	h := build(t, plan{})
	d := h.device("mine")
	d.aid = account
	d.mustRegister()
	s, _ := h.releases.Software(d.ref())
	if s.App != roost.NoApp || !s.ByAccount {
		t.Errorf("software %+v", s)
	}
	if got := d.settings()["management_interval"]; got != "5" {
		t.Errorf("interval %v", got)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.releases.Install(ctx, d.ref(), recordedApp, "staging", "ada"); err != nil {
		t.Fatal(err)
	}
	if got := d.settings(); got["app_version"] != recordedCommit || got["pool"] != "staging" {
		t.Errorf("settings %v", got)
	}
	d.mustRegister()
	if run, _ := h.releases.CurrentRun(d.ref()); run.App != recordedApp {
		t.Errorf("run %+v", run)
	}
	r := d.call("apps/get/", map[string]any{"version": recordedCommit, "list": true})
	want(t, "list", r, 200, `["worker_task.py","management_task.py"]`)
}

// R07
func TestThingThatBringsAnotherAppMoves(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("mover")
	other, _ := h.newApp(newLamp, nil)
	d.aid = string(other.ID)
	d.mustRegister()
	if s, _ := h.releases.Software(d.ref()); s.App != other.ID {
		t.Errorf("software %+v", s)
	}
	if n := len(h.releases.AllSoftware(roost.Home)); n != 1 {
		t.Errorf("%d things", n)
	}
	d.aid = account
	d.mustRegister()
	if s, _ := h.releases.Software(d.ref()); s.App != other.ID || !s.ByAccount {
		t.Errorf("with an account: %+v", s)
	}
}

// R08
func TestFullHouseKeepsItsThings(t *testing.T) {
	h := buildWith(t, plan{}, registry.Config{Enrolment: registry.EnrolOpen, MaxThings: 1})
	d := h.ready("known")
	want(t, "a new one", h.device("new").register(), 401, "as many as Roost keeps")
	want(t, "the known one", d.register(), 200, "token")
}

// R09
func TestUnknownAidIsRefusedAndTold(t *testing.T) {
	h := build(t, plan{})
	d := h.device("lost")
	d.aid = "c0ffee00-0000-4000-8000-000000000000"
	want(t, "register", d.register(), 401, "no app and no account")
	d.aid = string(roost.NoApp)
	want(t, "the id of no app", d.register(), 401, "no app and no account")
	if n := h.door.Notices(); len(n) != 2 || !strings.Contains(n[1].Text, "c0ffee00") {
		t.Errorf("notices %+v", n)
	}
}

// R10
func TestNewRunEndsTheOneBefore(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("twice")
	first := *d
	d.mustRegister()
	if first.token == d.token {
		t.Fatal("the same token")
	}
	_, r := first.management()
	want(t, "the first run", r, 401, "ended when the thing registered again")
	want(t, "its worker", first.worker(1), 401, "ended")
	want(t, "the second", d.call("apps/management/", map[string]any{}), 200, "settings")
	if len(h.messages(d.ref())) != 0 {
		t.Error("a message of the ended run was kept")
	}
}

// R11
func TestWhatAThingSaysOfItselfIsKept(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("changing")
	d.platform, d.frozen, d.os, d.app = "esp32", true, "v1.0.0", "0"
	d.mustRegister()
	s, _ := h.releases.Software(d.ref())
	run, _ := h.releases.CurrentRun(d.ref())
	if s.Platform != "esp32" || !s.Frozen || s.OS != "v1.0.0" || s.Version != "0" {
		t.Errorf("software %+v", s)
	}
	if run.Platform != "esp32" || !run.Frozen || run.OS != "v1.0.0" || run.Version != "0" || run.Encrypted {
		t.Errorf("run %+v", run)
	}
}

// R12
func TestRunOutlivesTheServer(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		h := build(t, plan{})
		d := h.device("steady")
		if encrypted {
			d.encrypt()
		}
		d.mustRegister()
		h = h.again(plan{})
		d.h = h
		if got := d.settings()["app_version"]; got != recordedCommit {
			t.Errorf("encrypted %v: %v", encrypted, got)
		}
		want(t, "worker", d.worker(map[string]any{"n": 1}), 200, "")
		if run, _ := h.releases.CurrentRun(d.ref()); run.Encrypted != encrypted || run.OS != "v1.1.0" {
			t.Errorf("encrypted %v: run %+v", encrypted, run)
		}
	}
}

// R12: the database is lost, the secrets are not.
func TestRunOutlivesTheDatabase(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("steady")
	h.forgetAll(d.ref())
	if got := d.settings()["app_version"]; got != recordedCommit {
		t.Errorf("settings %v", got)
	}
	want(t, "worker", d.worker(map[string]any{"n": 1}), 200, "")
	s, ok := h.releases.Software(d.ref())
	run, _ := h.releases.CurrentRun(d.ref())
	if !ok || s.App != recordedApp || run.App != recordedApp {
		t.Errorf("software %+v, run %+v", s, run)
	}
	d.mustReport("management", "OK", nil)
	id := h.send(d.ref(), roost.Tell, `"hello"`)
	d.message(id)
}

// forgetAll deletes a thing with all that is known of it.
func (h *house) forgetAll(ref roost.Ref) {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.rooms.Switchboard.Forget(ctx, ref); err != nil {
		h.t.Fatal(err)
	}
	if err := h.releases.Forget(ctx, ref); err != nil {
		h.t.Fatal(err)
	}
}

// R13
func TestUnknownTokenLeadsToANewRegistration(t *testing.T) {
	h := build(t, plan{})
	d := h.device("stray")
	for _, token := range []string{"764b5189-40bf-4da6-867b-2baeb55ca955", "x", strings.Repeat("A", 300)} {
		d.token = token
		s := d.settings()
		if s["pythings_version"] != "factory" || s["app_version"] == nil || s["ssl"] != false || s["payload_encryption"] != false || s["reregister"] == "" {
			t.Errorf("settings %v", s)
		}
		want(t, "report", d.report("pythings", "OK", "Resetting due to Settings update"), 200, "")
		want(t, "worker", d.worker(1), 401, "token not found")
	}
	d.sealed = true
	if s := d.settings(); s["ssl"] != true {
		t.Errorf("by TLS: %v", s)
	}
	if n := h.door.Notices(); len(n) != 1 {
		t.Errorf("notices %+v", n)
	}
}

// R14
func TestRunsOfAThingAreBounded(t *testing.T) {
	h := build(t, plan{})
	d := h.device("raspberry")
	refused := 0
	for range 80 {
		if d.register().status != 200 {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("%d of 80 registrations in a moment were refused", refused)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if runs, err := h.releases.Runs(ctx, d.ref(), time.Time{}, 0); err != nil || len(runs) > 50 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	want(t, "another thing", h.device("other").register(), 200, "token")
	if n := h.door.Notices(); len(n) != 1 || !strings.Contains(n[0].Text, "raspberry registers again and again") {
		t.Errorf("notices %+v", n)
	}
}

func TestThingWaitsForApproval(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove})
	d := h.device("stranger")
	want(t, "register", d.register(), 401, "waits for approval")
	if _, ok := h.releases.Software(d.ref()); ok {
		t.Error("something was kept of a thing that waits")
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, err := h.rooms.Switchboard.Approve(ctx, d.ref(), "ada"); err != nil {
		t.Fatal(err)
	}
	want(t, "approved", d.register(), 200, "token")
	admits := true
	other, _ := h.newApp(newLamp, nil)
	if _, err := h.releases.ChangeApp(ctx, roost.Home, other.ID, release.AppChange{Admits: &admits}); err != nil {
		t.Fatal(err)
	}
	friend := h.device("friend")
	friend.aid = string(other.ID)
	want(t, "an app that admits", friend.register(), 200, "token")
}

func TestForgottenThingArrivesAgain(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove})
	d := h.device("again")
	d.register()
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, err := h.rooms.Switchboard.Approve(ctx, d.ref(), "ada"); err != nil {
		t.Fatal(err)
	}
	d.mustRegister()
	d.settings()
	h.forgetAll(d.ref())
	_, r := d.management()
	want(t, "deleted", r, 401, "waits for approval")
	if _, err := h.rooms.Switchboard.Approve(ctx, d.ref(), "ada"); err != nil {
		t.Fatal(err)
	}
	_, r = d.management()
	want(t, "approved", r, 200, "settings")
}
