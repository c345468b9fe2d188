package pythings_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim"
)

// traveller is a simulated device on its way through boots, with what happened to it.
type traveller struct {
	*sim.PythingsDevice
	t      *testing.T
	events []sim.PythingsEvent
}

// travel makes one. Time costs it nothing.
func (h *house) travel(t *testing.T, change func(*sim.PythingsConfig)) *traveller {
	t.Helper()
	j := &traveller{t: t}
	c := sim.PythingsConfig{
		Backend: h.addr, TID: "traveller", AID: string(recordedApp), NoTLS: true, Modulus: h.door.Key(),
		Told: func(e sim.PythingsEvent) { j.events = append(j.events, e) },
		Wait: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil },
	}
	if change != nil {
		change(&c)
	}
	j.PythingsDevice = sim.NewPythings(c)
	return j
}

// boot starts the device until it runs, and gives how many boots that took.
func (j *traveller) boot() (boots int) {
	j.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for boots = 1; boots <= 10; boots++ {
		running, err := j.Boot(ctx)
		if err != nil {
			j.t.Fatal(err)
		}
		if running {
			return boots
		}
	}
	j.t.Fatalf("it does not come to rest: %v", j.did(sim.Rebooted))
	return 0
}

// ticks plays turns of its loop, and gives whether it still runs.
func (j *traveller) ticks(n int) bool {
	j.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for range n {
		running, err := j.Tick(ctx)
		if err != nil {
			j.t.Fatal(err)
		}
		if !running {
			return false
		}
	}
	return true
}

// did gives the texts of what happened of one kind.
func (j *traveller) did(kind sim.PythingsHappening) (texts []string) {
	for _, e := range j.events {
		if e.Kind == kind {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// front stands before houses: it stays where it is when one takes the place of another.
type front struct {
	addr string

	mu   sync.Mutex
	door http.Handler
	lost string // a file that is not found, "" if all are

	calls []string // their paths
}

func newFront(t *testing.T, h *house) *front {
	t.Helper()
	f := &front{door: h.door}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.addr = srv.Listener.Addr().String()
	return f
}

func (f *front) turn(door http.Handler, lost string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.door, f.lost = door, lost
}

// heard gives the calls since it was asked last.
func (f *front) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	door, lost := f.door, f.lost
	f.calls = append(f.calls, strings.TrimPrefix(r.URL.Path, "/api/v1"))
	f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the device is gone
	}
	if lost != "" && strings.Contains(string(body), lost) {
		http.Error(w, `"not there"`, http.StatusNotFound)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	door.ServeHTTP(w, r)
}

func (j *traveller) ref() roost.Ref { return roost.Ref{Project: roost.Home, Thing: "traveller"} }

// last is what happened last of one kind, "" if nothing.
func (j *traveller) last(kind sim.PythingsHappening) string {
	all := j.did(kind)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// S05
func TestNewDeviceRunsAfterThreeBoots(t *testing.T) {
	h := build(t, plan{})
	j := h.travel(t, nil)
	if n := j.boot(); n != 3 {
		t.Errorf("%d boots", n)
	}
	calls := []string{
		"/things/register/", "/apps/management/", "/things/report/",
		"/things/register/", "/apps/management/", "/apps/get/", "/apps/get/", "/apps/get/", "/things/report/",
		"/things/register/", "/apps/management/", "/things/report/",
	}
	if got := j.did(sim.Called); !slices.Equal(got, calls) {
		t.Errorf("calls %v", got)
	}
	id := h.send(j.ref(), roost.Tell, `"status"`)
	if !j.ticks(7) {
		t.Fatal("it rebooted")
	}
	if c := h.find(roost.Home, id); c.State != roost.Done || c.Result.AsText() != `Got "status"` {
		t.Errorf("message %s %s %s", c.State, c.Result, c.Error)
	}
	if n := len(h.messages(j.ref())); n != 2 {
		t.Errorf("%d values in 7 s", n)
	}
}

// S10, S11
func TestDeviceMovesToAnOSAndBack(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "Python", osFiles, "api.py", "init.py", "version.py")
	j := h.travel(t, nil)
	j.boot()
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0")})
	if j.ticks(1) {
		t.Fatal("it did not restart for its new settings")
	}
	if n := j.boot(); n != 2 { // one for the OS, one that runs it
		t.Errorf("%d boots", n)
	}
	if got := j.last(sim.Booted); got != "v1.0.0" {
		t.Errorf("runs %s", got)
	}
	for name, content := range osFiles {
		if got, _ := j.File("v1.0.0/" + name); got != content {
			t.Errorf("%s is %q", name, got)
		}
	}
	if s, _ := h.releases.Software(j.ref()); s.OS != "v1.0.0" || s.Version != recordedCommit {
		t.Errorf("software: OS %s, app %s", s.OS, s.Version)
	}
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("factory")})
	if j.ticks(4) {
		t.Fatal("it did not restart")
	}
	if n := j.boot(); n != 1 || j.last(sim.Booted) != "v1.1.0" {
		t.Errorf("%d boots, runs %s", n, j.last(sim.Booted))
	}
}

// S14
func TestUpdateThatFailsIsTriedAgain(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "Python", osFiles, "api.py", "init.py", "version.py")
	f := newFront(t, h)
	j := h.travel(t, func(c *sim.PythingsConfig) { c.Backend = f.addr })
	j.boot()
	f.turn(h.door, "init.py")
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0")})
	if j.ticks(1) {
		t.Fatal("it did not restart for its new settings")
	}
	j.boot()
	if !j.ticks(4) || j.last(sim.Booted) != "v1.1.0" {
		t.Errorf("runs %s", j.last(sim.Booted))
	}
	run, _ := h.releases.CurrentRun(j.ref())
	if s := run.Statuses[roost.PartManagement]; s.OK || s.Error == "" {
		t.Errorf("status %+v", s)
	}
	f.turn(h.door, "")
	if j.ticks(4) {
		t.Fatal("it did not try again")
	}
	if j.boot(); j.last(sim.Booted) != "v1.0.0" {
		t.Errorf("runs %s", j.last(sim.Booted))
	}
}

// S17: of an OS and of an app whose files have an &.
func TestEncryptedDeviceIsUpdatedUnharmed(t *testing.T) {
	h := build(t, plan{encrypt: true})
	crypto := []string{"crypto_aes.py", "crypto_common.py", "crypto_engine_aes128ecb.py", "crypto_rsa.py"}
	whole := maps.Clone(osFiles)
	for _, name := range crypto {
		whole[name] = "n = 3 & 1  # " + name + "\n"
	}
	h.shelve("v1.0.0", "Python", whole, append(crypto, "api.py", "init.py", "version.py")...)
	j := h.travel(t, func(c *sim.PythingsConfig) { c.Encrypted = true })
	j.boot()
	if !j.Encrypts() {
		t.Fatal("it does not encrypt")
	}
	and := "class WorkerTask(object):\n    def call(self):\n        return {'bit': 5 & 4}\n"
	commit := h.commit(recordedApp, map[string]string{"worker_task.py": and, "management_task.py": recordedTask})
	h.pool(recordedApp, "development", roost.SettingsChange{OS: p("v1.0.0"), App: p(commit)})
	for range 3 {
		if !j.ticks(4) {
			j.boot()
		}
	}
	for name, content := range whole {
		if got, _ := j.File("v1.0.0/" + name); got != content {
			t.Errorf("%s is %q", name, got)
		}
	}
	if got, _ := j.File("worker_task.py"); !strings.Contains(got, "5 & 4") {
		t.Errorf("worker_task.py is %q", got)
	}
	if s, _ := h.releases.Software(j.ref()); s.OS != "v1.0.0" || s.Version != commit || !s.Encrypted || !j.Encrypts() {
		t.Errorf("software: OS %s, app %s, encrypted %v", s.OS, s.Version, s.Encrypted)
	}
	id := h.send(j.ref(), roost.Tell, `"a & b"`)
	j.ticks(4)
	if c := h.find(roost.Home, id); c.State != roost.Done {
		t.Errorf("message %s %s", c.State, c.Error)
	}
}

// R12, R13: the server is another one, with the secrets of the first or without.
func TestDeviceFindsItsWayAfterALoss(t *testing.T) {
	for name, c := range map[string]struct {
		encrypted, keep bool // secrets
		restarts        bool
	}{
		"clear, secrets kept":     {false, true, false},
		"clear, all lost":         {false, false, true},
		"encrypted, secrets kept": {true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, plan{encrypt: c.encrypted})
			f := newFront(t, h)
			j := h.travel(t, func(s *sim.PythingsConfig) { s.Backend, s.Encrypted = f.addr, c.encrypted })
			j.boot()
			j.ticks(1)
			p := plan{encrypt: c.encrypted}
			if c.keep {
				h = h.again(p)
			} else {
				h.stop()
				h = build(t, p)
			}
			f.turn(h.door, "")
			boots := len(j.did(sim.Booted))
			if !j.ticks(4) {
				j.boot()
			}
			if restarted := len(j.did(sim.Booted)) > boots; restarted != c.restarts {
				t.Errorf("it restarted: %v", restarted)
			}
			id := h.send(j.ref(), roost.Tell, `"x"`)
			if !j.ticks(7) {
				t.Error("it restarted once more")
			}
			if c := h.find(roost.Home, id); c.State != roost.Done {
				t.Errorf("message %s %s", c.State, c.Error)
			}
		})
	}
}

// S16: the built-in name of the server gets the calls before the loop, the one that the
// settings name all others, with the same token.
func TestDeviceGoesWhereItsSettingsSay(t *testing.T) {
	h := build(t, plan{encrypt: true})
	first, second := newFront(t, h), newFront(t, h)
	h.pool(recordedApp, "development", roost.SettingsChange{Backend: p(second.addr)})
	j := h.travel(t, func(c *sim.PythingsConfig) { c.Backend, c.BuiltIn, c.Encrypted = "", first.addr, true })
	j.boot()
	j.boot()
	first.heard()
	second.heard()
	j.boot()
	if !j.ticks(1) {
		t.Fatal("it restarted")
	}
	before, after := first.heard(), second.heard()
	if got := []string{"/things/preregister/", "/things/register/", "/apps/management/"}; len(before) < 3 || !slices.Equal(before[:3], got) {
		t.Errorf("the first heard %v", before)
	}
	if !slices.Contains(after, "/apps/management/") || !slices.Contains(after, "/apps/worker/") || slices.Contains(after, "/things/register/") {
		t.Errorf("the second heard %v", after)
	}
	if n := len(h.messages(j.ref())); n != 1 {
		t.Errorf("%d values", n)
	}
}

// Connections break at any place: the device and what is known of it stay sound.
func TestDeviceLivesWithCutConnections(t *testing.T) {
	h := build(t, plan{})
	j := h.travel(t, func(c *sim.PythingsConfig) { c.Faults = sim.PythingsFaults{Cuts: 0.1, Seed: 7} })
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	ids := []string{}
	for i := 0; i < 120 && ctx.Err() == nil; i++ {
		running, _ := j.Boot(ctx) // it may hang: then its power goes
		for n := 0; running && n < 12; n++ {
			if _, ok := h.releases.Software(j.ref()); ok && len(ids) < 5 {
				ids = append(ids, h.send(j.ref(), roost.Tell, `"x"`))
			}
			running, _ = j.Tick(ctx)
		}
		if len(ids) == 5 && h.ended(ids) {
			break
		}
	}
	if len(ids) < 5 || !h.ended(ids) {
		t.Errorf("messages %v are left", ids)
	}
	if s, ok := h.releases.Software(j.ref()); !ok || s.App != recordedApp {
		t.Error("it is not known")
	}
}

// ended tells that all commands have ended: done, or failed and told so.
func (h *house) ended(ids []string) bool {
	for _, id := range ids {
		if c := h.find(roost.Home, id); !c.State.Final() {
			return false
		}
	}
	return true
}
