package pythings_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	"github.com/roost-iot/roost/registry"
)

const registration = `{"tid": "A4CF12B3D5E6", "aid": "5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10", "app_version": "0", "pythings_version": "v1.1.0", "pool": null, "frozen": false, "platform": "Python"}`

// T04 and T05, which each call of these tests is held against.
func TestRequestOfADeviceIsAnsweredAsItReads(t *testing.T) {
	h := build(t, plan{})
	r := h.post("things/register/", registration)
	want(t, "register", r, 200, `{"token":"`)
	if r.kind != "application/json" {
		t.Errorf("Content-Type %q", r.kind)
	}
	d := h.ready("A4CF12B3D5E6")
	if r := d.report("worker", "OK", nil); r.status != 200 || r.body != "" || r.kind != "" {
		t.Errorf("report: %+v, want nothing", r)
	}
}

func TestCallsEndWithOrWithoutSlash(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("slash")
	for _, path := range []string{"apps/management", "apps/management/", "apps/management/more"} {
		want(t, path, d.call(path, map[string]any{}), 200, `{"settings":{`)
	}
	want(t, "register", h.post("things/register", registration), 200, `"epoch":`)
	r := post(t, dial(t, h.addr), "/prefix/api/v1/things/register/", registration)
	want(t, "below a prefix", r, 200, `"epoch":`)
}

// T06
func TestTextIsEscaped(t *testing.T) {
	h := build(t, plan{})
	d := h.running("accents")
	id := h.send(d.ref(), roost.Tell, roost.Text("caffè 😀"))
	a, r := d.management()
	want(t, "management", r, 200, `"caff\u00e8 \ud83d\ude00"`)
	d.mustReport("management", "OK", map[string]any{"mid": a.Mid, "rep": "caffè 😀"})
	if c := h.find(roost.Home, id); c.Result.AsText() != "caffè 😀" {
		t.Errorf("reply %s", c.Result)
	}
}

// records keeps what was logged.
type records struct {
	mu  sync.Mutex
	all []slog.Record
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }
func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, rec)
	return nil
}

func (r *records) above(level slog.Level) (texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.all {
		if rec.Level > level {
			texts = append(texts, rec.Message)
		}
	}
	return texts
}

// T07
func TestCutRequestIsDroppedInSilence(t *testing.T) {
	for name, sent := range map[string]string{
		"after the Host line": "POST /api/v1/things/register/ HTTP/1.0\r\nHost: 127.0.0.1\r\n",
		"in the body":         "POST /api/v1/things/register/ HTTP/1.0\r\nHost: 127.0.0.1\r\ncontent-length: 173\r\ncontent-type: application/json\r\n\r\n" + registration[:80],
	} {
		t.Run(name, func(t *testing.T) {
			log := &records{}
			h := build(t, plan{handler: log})
			conn := dial(t, h.addr)
			if _, err := io.WriteString(conn, sent); err != nil {
				t.Fatal(err)
			}
			if half, ok := conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
				t.Fatal("the connection cannot be closed half")
			}
			rest, _ := io.ReadAll(conn) // whatever comes, the request was taken for cut
			_ = conn.Close()
			if strings.Contains(string(rest), " 200 ") {
				t.Errorf("answered: %q", rest)
			}
			if said := log.above(slog.LevelDebug); len(said) > 0 {
				t.Errorf("logged: %q", said)
			}
			if len(h.releases.AllSoftware(roost.Home)) != 0 || h.rooms.Registry.Count(roost.Home) != (registry.Counts{}) {
				t.Error("something was kept of it")
			}
		})
	}
}

// T07: it hung up while its session was being stored.
func TestWhoHungUpIsNoErrorInTheLog(t *testing.T) {
	log := &records{}
	h := build(t, plan{handler: log})
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	ask := func(path, body string) int {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/things/"+path, strings.NewReader(body))
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, r)
		return w.Code
	}
	if ask("register/", registration) == http.StatusOK {
		t.Fatal("nothing of it needs the store any more: choose another call")
	}
	d := h.running("A4CF12B3D5E6")
	ask("report/", `{"what": "worker", "status": "KO", "msg": "boom", "token": "`+d.token+`"}`)
	if said := log.above(slog.LevelInfo); len(said) > 0 {
		t.Errorf("logged: %q", said)
	}
}

// T08, in plain and by TLS.
func TestContentLengthInCharacters(t *testing.T) {
	h := build(t, plan{})
	for _, sealed := range []bool{false, true} {
		d := h.device("short")
		d.app, d.sealed = recordedCommit, sealed
		d.mustRegister()
		d.settings()
		for _, text := range []string{"é", "caffè", "日本語 and 😀", strings.Repeat("ü", 600)} {
			body := fmt.Sprintf(`{"msg": {"text": "%s", "last": 1}, "token": "%s"}`, text, d.token)
			r := postAnnounced(t, d.dial(), "/api/v1/apps/worker/", body, len([]rune(body)))
			want(t, "worker", r, 200, "")
			all := h.messages(d.ref())
			if last := all[len(all)-1].Data; !strings.Contains(string(last), text) || !strings.HasSuffix(string(last), `"last": 1}`) {
				t.Errorf("TLS %v: kept %s", sealed, last)
			}
		}
		status := fmt.Sprintf(`{"what": "worker", "status": "KO", "msg": "Ärger", "token": "%s"}`, d.token)
		want(t, "report", postAnnounced(t, d.dial(), "/api/v1/things/report/", status, len([]rune(status))), 200, "")
		if run, _ := h.releases.CurrentRun(d.ref()); run.Statuses[roost.PartWorker].Text != "Ärger" {
			t.Errorf("status %+v", run.Statuses[roost.PartWorker])
		}
	}
}

// T09
func TestMembersInAnyOrder(t *testing.T) {
	h := build(t, plan{})
	r := h.post("things/register/", "{ \"platform\" :\t\"MicroPython\",\r\n\"aid\":\"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10\" , \"pool\":null,\"tid\":\"odd\" ,\"extra\":[1,{}],\"frozen\":false,\"pythings_version\":\"v1.1.0\",\"app_version\":\"0\" } ")
	want(t, "register", r, 200, `"token"`)
	s, ok := h.releases.Software(roost.Ref{Project: roost.Home, Thing: "odd"})
	if !ok || s.Platform != "MicroPython" || s.OS != "v1.1.0" {
		t.Errorf("software %+v", s)
	}
}

// T12, and what else no device sends.
func TestStrangeRequestsAreRefused(t *testing.T) {
	h := build(t, plan{change: func(c *pythings.Config) { c.MaxBody = 4096 }})
	d := h.ready("strange")
	for name, c := range map[string]struct {
		path, body string
		status     int
	}{
		"no JSON":           {"things/register/", "tid=1", 400},
		"a list":            {"things/register/", "[1]", 400},
		"a text":            {"apps/management/", `"token"`, 400},
		"null":              {"apps/management/", `null`, 400},
		"nothing":           {"things/register/", "", 400},
		"cut JSON":          {"things/register/", `{"tid": "A`, 400},
		"two objects":       {"things/register/", `{}{}`, 400},
		"tid of no text":    {"things/register/", `{"tid": [1], "aid": "x"}`, 400},
		"no tid":            {"things/register/", `{"aid": "x"}`, 401},
		"no aid":            {"things/register/", `{"tid": "x"}`, 401},
		"long tid":          {"things/register/", `{"tid": "` + strings.Repeat("x", 65) + `", "aid": "` + string(recordedApp) + `"}`, 401},
		"no token":          {"apps/management/", `{}`, 400},
		"report, no token":  {"things/report/", `{"what": "pythings", "status": "KO", "msg": "NameError x"}`, 401},
		"unknown call":      {"things/", `{}`, 404},
		"unknown part":      {"things/report/", `{"what": "moon", "status": "OK", "token": "` + d.token + `"}`, 400},
		"no status":         {"things/report/", `{"what": "worker", "token": "` + d.token + `"}`, 401},
		"bad ts":            {"apps/worker/", `{"msg": 1, "ts": "noon", "token": "` + d.token + `"}`, 400},
		"no version":        {"apps/get/", `{"list": true, "token": "` + d.token + `"}`, 400},
		"no platform":       {"pythings/get/", `{"version": "v1.0.0", "list": true, "token": "` + d.token + `"}`, 400},
		"preregister":       {"things/preregister/", `{}`, 401},
		"preregister, dsa":  {"things/preregister/", `{"key": [1], "kty": "aes128ecb", "ken": "dsa"}`, 401},
		"preregister, text": {"things/preregister/", `{"key": ["1"], "kty": "aes128ecb", "ken": "srsa1"}`, 400},
		"too long":          {"things/register/", `{"tid": "` + strings.Repeat("x", 5000) + `"}`, 413},
	} {
		want(t, name, h.post(c.path, c.body), c.status, `"`)
	}
	if got := d.settings()["app_version"]; got != recordedCommit {
		t.Errorf("afterwards: %v", got)
	}
}

// T12
func TestOnlyFilesAreAskedForByGet(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("getter")
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + h.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(bufio.NewReader(resp.Body))
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, path := range []string{"things/register/", "apps/management/", "apps/worker/"} {
		if status, body := get("/api/v1/" + path); status != 405 || !json.Valid([]byte(body)) {
			t.Errorf("GET %s: %d %q", path, status, body)
		}
	}
	status, body := get("/api/v1/apps/get/?file=worker_task.py&version=" + recordedCommit + "&token=" + d.token)
	if status != 200 || body != recordedWorker+"\nversion='1700000000'" {
		t.Errorf("GET of a file: %d %q", status, body)
	}
	if status, body := get("/api/v1/time/epoch_s/"); status != 200 || !strings.HasPrefix(body, `{"epoch_s":1`) {
		t.Errorf("GET of the time: %d %q", status, body)
	}
}

// T10's bound on TLS records, and T11: a file comes whole, in pieces that small boards take.
func TestFilesComeInSmallPieces(t *testing.T) {
	h := build(t, plan{})
	long := "class WorkerTask(object):\n" + strings.Repeat("    x = 'some text that fills the file'\n", 1500)
	app, commit := h.newApp(newLamp, map[string]string{"worker_task.py": long, "management_task.py": recordedTask})
	for _, sealed := range []bool{false, true} {
		d := h.device("long")
		d.aid, d.sealed = string(app.ID), sealed
		d.mustRegister()
		r := d.call("apps/get/", map[string]any{"file_name": "worker_task.py", "version": commit, "platform": "Python"})
		want(t, "file", r, 200, "")
		if len(r.body) < len(long) || !strings.HasSuffix(r.body, "\nversion='"+commit+"'") {
			t.Errorf("TLS %v: %d bytes of %d", sealed, len(r.body), len(long))
		}
	}
}
