package web

import (
	"context"
	"log/slog"
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
	return map[string]func() good{
		"get-board":     on("/board", nil),
		"list-hotfixes": on("/hotfixes", nil),
		"add-hotfix":    on("/hotfixes", map[string]any{"files": map[string]string{"app.py": "x = 2\n"}}),
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
