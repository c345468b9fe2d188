package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/release"
)

// openBoards opens the door of boards over the house's rooms. Nobody watches its directories.
func (h *house) openBoards(log *slog.Logger) {
	h.t.Helper()
	var err error
	h.boards, err = board.New(h.t.Context(), board.Config{
		Core: h.Switchboard, Releases: h.releases, Telemetry: h.Telemetry, Commands: h.Commands,
		Registry: h.Registry, Store: h.Store, Dir: filepath.Join(h.t.TempDir(), "ota"), Log: log,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		ended, stop := context.WithCancel(context.Background())
		stop()
		h.boards.Run(ended) // it closes the directories
	})
}

const meterID = "meter-28cdc1010203"

// call asks as a board does.
func (h *house) call(path, body string) (int, string) {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.boards.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// meter lets a board in that has an old app.py.
func (h *house) meter(ada *browser) {
	h.t.Helper()
	_, err := h.releases.CreateApp(h.t.Context(), roost.Home, release.NewApp{
		Name: "meter", By: "ada", Board: "meter", Latest: true, Files: map[string]string{"app.py": "x = 1\n", "main.py": "import app\n", "logo.txt": "Roost\n"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	boot := `{"mac":"28:CD:C1:01:02:03","app_type":"meter","device_type":"pico_w","hashes":{"app.py":"d41d8cd98f00b204e9800998ecf8427e","own.py":"d41d8cd98f00b204e9800998ecf8427e"}}`
	if status, said := h.call("/iot/boot", boot); status != http.StatusForbidden || !strings.Contains(said, meterID) {
		h.t.Fatalf("an unknown board got %d %s", status, said)
	}
	ada.want(200, "POST", "/things/"+meterID+"/approve", nil)
	for path, body := range map[string]string{
		"/iot/boot":     boot,
		"/iot/register": `{"device_id":"` + meterID + `","firmware":"1.2.0","meta":{"leds":3},"ip":"10.0.0.7"}`,
	} {
		if status, said := h.call(path, body); status != http.StatusOK {
			h.t.Fatalf("%s: %d %s", path, status, said)
		}
	}
}

// ownServer makes the meter come from this machine, where it has its own HTTP server.
func (h *house) ownServer() *httptest.Server {
	h.t.Helper()
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.Path {
		case "GET /status":
			_, _ = io.WriteString(w, `{"device_id":"`+meterID+`","uptime_ms":5}`)
		case "GET /logs":
			_, _ = io.WriteString(w, `{"logs":["platform_log.txt"]}`)
		case "GET /logs/platform_log.txt":
			_, _ = io.WriteString(w, "started\n"+r.URL.RawQuery+"\n")
		case "POST /identify", "POST /restart", "POST /factory-reset":
			_, _ = io.WriteString(w, `{"ok":true}`)
		default:
			http.NotFound(w, r)
		}
	}))
	h.t.Cleanup(own.Close)
	r := httptest.NewRequest(http.MethodPost, "/iot/heartbeat", strings.NewReader(`{"device_id":"`+meterID+`","http_port":`+own.URL[strings.LastIndex(own.URL, ":")+1:]+`}`))
	r.RemoteAddr = "127.0.0.1:1234"
	w := httptest.NewRecorder()
	if h.boards.ServeHTTP(w, r); w.Code != http.StatusOK {
		h.t.Fatalf("heartbeat: %d %s", w.Code, w.Body)
	}
	return own
}

func (h *house) beat() string {
	h.t.Helper()
	status, said := h.call("/iot/heartbeat", `{"device_id":"`+meterID+`","telemetry":{"distance":5}}`)
	if status != http.StatusOK {
		h.t.Fatalf("heartbeat: %d %s", status, said)
	}
	return said
}

// goodBoardCalls knows how the operations of boards are called well.
func goodBoardCalls(h *house, ada *browser) map[string]func() good {
	on := func(path string, body any) func() good {
		return func() good { h.meter(ada); return good{path: "/things/" + meterID + path, body: body} }
	}
	asked := func(path string) func() good {
		return func() good { h.meter(ada); h.ownServer(); return good{path: "/things/" + meterID + path} }
	}
	return map[string]func() good{
		"get-board":        on("/board", nil),
		"list-hotfixes":    on("/hotfixes", nil),
		"add-hotfix":       on("/hotfixes", map[string]any{"files": map[string]string{"app.py": "x = 2\n"}}),
		"identify-board":   asked("/identify"),
		"ask-board-status": asked("/board/status"),
		"list-board-logs":  asked("/board/logs"),
		"read-board-log":   asked("/board/logs/platform_log.txt?lines=5"),
		"restart-board":    asked("/board/restart"),
		"reset-board":      asked("/board/factory-reset"),
		"push-directory": func() good {
			h.meter(ada)
			ctx, stop := context.WithCancel(h.t.Context())
			watched := make(chan struct{})
			go func() { defer close(watched); h.boards.Run(ctx) }()
			h.t.Cleanup(func() { stop(); <-watched })
			app, _ := h.releases.BoardApp(roost.Home, "meter")
			return good{path: "/apps/" + string(app.ID) + "/directory"}
		},
		"undo-hotfix": func() good {
			h.meter(ada)
			id := ada.want(201, "POST", "/things/"+meterID+"/hotfixes", map[string]any{"files": map[string]string{"app.py": "x = 2\n"}})["id"].(string)
			return good{path: "/things/" + meterID + "/hotfixes/" + id}
		},
	}
}

func TestBoardIsShownWithItsFiles(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.meter(ada)
	b := ada.want(200, "GET", "/things/"+meterID+"/board", nil)
	if b["appType"] != "meter" || b["firmware"] != "1.2.0" || b["ip"] != "10.0.0.7" || b["meta"].(map[string]any)["leds"] != 3.0 {
		t.Errorf("board %v", b)
	}
	states := map[string]any{}
	for _, f := range b["files"].([]any) {
		states[f.(map[string]any)["name"].(string)] = f.(map[string]any)["state"]
	}
	if states["app.py"] != "differs" || states["main.py"] != "missing" || states["logo.txt"] != "unknown" || states["own.py"] != "extra" {
		t.Errorf("files %v", states)
	}
	ada.want(404, "GET", "/things/nobody/board", nil)
}

func TestBoardThatHasNotAskedSinceItWasApprovedIsNoStranger(t *testing.T) {
	h := open(t)
	ada := h.owner()
	_, err := h.releases.CreateApp(t.Context(), roost.Home, release.NewApp{Name: "meter", By: "ada", Board: "meter", Latest: true, Files: map[string]string{"app.py": "x = 1\n"}})
	if err != nil {
		t.Fatal(err)
	}
	h.call("/iot/boot", `{"mac":"28:CD:C1:01:02:03","app_type":"meter","device_type":"pico_w","hashes":{}}`)
	hotfix := map[string]any{"files": map[string]string{"app.py": "x = 2\n"}}
	ada.want(200, "POST", "/things/"+meterID+"/approve", nil)
	for _, p := range []map[string]any{
		ada.want(404, "GET", "/things/"+meterID+"/board", nil), ada.want(404, "POST", "/things/"+meterID+"/hotfixes", hotfix),
	} {
		if said, _ := p["detail"].(string); !strings.Contains(said, "has not asked for its files since it was approved") || !strings.Contains(said, "restart it") {
			t.Errorf("said %q", said)
		}
	}
}

func TestHotfixGoesOutAndIsTakenBack(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.meter(ada)
	at := "/things/" + meterID + "/hotfixes"
	ada.want(422, "POST", at, map[string]any{"files": map[string]string{"app.py": "def broken(:\n"}})
	ada.want(422, "POST", at, map[string]any{"files": map[string]string{"boot.py": "x = 1\n"}})
	ada.want(422, "POST", at, map[string]any{"files": map[string]string{}})
	id := ada.want(201, "POST", at, map[string]any{"files": map[string]string{"app.py": "x = 2\n"}})["id"].(string)
	if said := h.beat(); !strings.Contains(said, `"app.py":"x = 2\n"`) {
		t.Errorf("heartbeat: %s", said)
	}
	fix := ada.want(200, "GET", at, nil)["hotfixes"].([]any)[0].(map[string]any)
	if fix["state"] != "served" || fix["by"] != "ada" || fix["servedAt"] == 0.0 {
		t.Errorf("hotfix %v", fix)
	}
	if got := ada.want(200, "DELETE", at+"/"+id, nil); got["state"] != "undone" || got["undoneBy"] != "ada" {
		t.Errorf("taken back: %v", got)
	}
	ada.want(409, "DELETE", at+"/"+id, nil)
	if said := h.beat(); !strings.Contains(said, `"app.py":"x = 1\n"`) {
		t.Errorf("heartbeat: %s", said)
	}
	if said := h.beat(); strings.Contains(said, "files") {
		t.Errorf("heartbeat: %s", said)
	}
}

func TestBoardIsRestartedAndForgotten(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.meter(ada)
	at := "/things/" + meterID
	ada.want(409, "POST", at+"/commands", map[string]any{"kind": "set", "resource": "led", "value": 1})
	ada.want(409, "POST", at+"/commands", map[string]any{"kind": "message", "value": 1})
	ada.want(202, "POST", at+"/commands", map[string]any{"kind": "restart"})
	if said := h.beat(); !strings.Contains(said, `"restart":true`) {
		t.Errorf("heartbeat: %s", said)
	}
	ada.want(201, "POST", at+"/hotfixes", map[string]any{"files": map[string]string{"app.py": "x = 2\n"}})
	ada.want(204, "DELETE", at, nil)
	ada.want(404, "GET", at+"/board", nil)
	if all, err := h.Store.Boards(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("boards left: %v, %v", all, err)
	}
	if all, err := h.Store.OpenHotfixes(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("hotfixes left: %v, %v", all, err)
	}
}

func TestBoardBlinksAndTellsOfItself(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.meter(ada)
	at := "/things/" + meterID
	if p := ada.want(409, "POST", at+"/identify", nil); !strings.Contains(p["detail"].(string), "192.0.2.1, which is no address of a private network") {
		t.Errorf("from afar: %v", p)
	}
	own := h.ownServer()
	ada.want(204, "POST", at+"/identify", nil)
	if got := ada.want(200, "GET", at+"/board/status", nil)["status"].(map[string]any); got["uptime_ms"] != 5.0 {
		t.Errorf("status %v", got)
	}
	if got := ada.want(200, "GET", at+"/board/logs/platform_log.txt?lines=7", nil)["text"]; got != "started\nlines=7\n" {
		t.Errorf("log %q", got)
	}
	ada.want(404, "GET", at+"/board/logs/wifi.json", nil)
	own.Close()
	if p := ada.want(503, "POST", at+"/identify", nil); !strings.Contains(p["detail"].(string), "on the same network as Roost?") {
		t.Errorf("not there: %v", p)
	}
	ada.want(404, "POST", "/things/node1/identify", nil)
}

// form is a body with files, two by two: names and texts.
func form(t *testing.T, files ...string) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		part, err := w.CreateFormFile("files", files[i])
		if err == nil {
			_, err = io.WriteString(part, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestHotfixComesAsAForm(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.meter(ada)
	at := "/things/" + meterID + "/hotfixes"
	post := func(want int, said string, files ...string) map[string]any {
		t.Helper()
		body, kind := form(t, files...)
		got := ada.want(want, "POST", at, body, "Content-Type", kind)
		if detail, _ := got["detail"].(string); !strings.Contains(detail, said) {
			t.Errorf("%v says %q, want %q", files[0], detail, said)
		}
		return got
	}
	got := post(201, "", "src/app.py", "x = 2\n", `C:\work\driver.py`, "y = 'é'\n")
	if names := got["files"].([]any); len(names) != 2 || names[0] != "app.py" || names[1] != "driver.py" {
		t.Errorf("files %v", names)
	}
	if said := h.beat(); !strings.Contains(said, `"driver.py":"y = 'é'\n"`) {
		t.Errorf("heartbeat: %s", said)
	}
	post(422, "Two files are called app.py", "a/app.py", "x = 1\n", "b/app.py", "x = 2\n")
	post(422, "no text", "app.mpy", "M\x06\xff\xfe")
	post(422, "", "app.py", "def broken(:\n")
	post(413, "larger than 1 MiB", "app.py", strings.Repeat("x = 1\n", 200_000))
	many := []string{}
	for i := range 201 {
		many = append(many, fmt.Sprintf("f%d.py", i), "x = 1\n")
	}
	post(413, "at most 200 files", many...)
	ada.want(422, "POST", at, "--x\r\nhello", "Content-Type", "multipart/form-data; boundary=x")
	ada.want(422, "POST", at, "--x\r\nContent-Disposition: form-data; name=\"files\"\r\n\r\nA\r\n--x--\r\n", "Content-Type", "multipart/form-data; boundary=x")
	ada.want(422, "POST", at, "--x--\r\n", "Content-Type", "multipart/form-data; boundary=x")
}

func FuzzForms(f *testing.F) {
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a/b.py\"\r\n\r\nA\r\n--x--\r\n"), "x")
	f.Add([]byte("--x\r\n\r\n--x--"), "x")
	f.Add([]byte(""), "")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		files, err := readForm(bytes.NewReader(body), boundary)
		for name := range files {
			if err != nil || name == "" || strings.ContainsAny(name, `/\`) {
				t.Errorf("%q, %v of %q", name, err, body)
			}
		}
	})
}
