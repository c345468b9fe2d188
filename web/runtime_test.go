package web

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// openAgents gives the house the door for Roost's own runtime.
func (h *house) openAgents(log *slog.Logger) *agent.Door {
	h.t.Helper()
	d, err := agent.New(h.t.Context(), agent.Config{
		Core: h.Switchboard, Releases: h.releases, Telemetry: h.Telemetry, Commands: h.Commands,
		Registry: h.Registry, Store: h.Store, Feed: h.Feed, Log: log,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	at := httptest.NewServer(d)
	h.t.Cleanup(at.Close)
	h.agentsAt = at.URL
	return d
}

// running makes an app with things of the runtime, of which the first has crashed.
func (h *house) running(ada *browser, things int) (app, commit string, all []*desk.Client) {
	h.t.Helper()
	made := ada.want(201, "POST", "/apps", map[string]any{"name": "Garden", "latest": true})
	app = made["id"].(string)
	for range things {
		ref, key, err := h.agents.NewBoard(h.t.Context(), roost.Home, "garden", roost.AppID(app), "")
		if err != nil {
			h.t.Fatal(err)
		}
		c := &desk.Client{URL: h.agentsAt, ID: string(ref.Thing), Key: key}
		r := wire.Register{
			Boot: "00000001", MAC: "28cdc1010203", Platform: "esp32", Python: "micropython 1.27.0", MPY: 6, Profile: "full", OS: "1.0.0", App: "0",
			Slots: wire.Slots{OS: wire.Slot{From: "factory"}}, Meta: `{"leds":3}`, Files: map[string]string{"own.py": "0011223344556677"},
		}
		if len(all) == 0 {
			r.Crash = &wire.Crash{Part: "app", Ver: "1", Text: "Traceback\nValueError: no sensor"}
		}
		if _, err := c.Register(context.Background(), r); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, c)
		if w, ok := h.releases.Wanted(ref); ok {
			commit = w.Commit
		}
	}
	return app, commit, all
}

// crash gives the id of the only group of crashes.
func (h *house) crash(ada *browser) string {
	h.t.Helper()
	h.running(ada, 1)
	groups := ada.want(200, "GET", "/crashes", nil)["groups"].([]any)
	return groups[0].(map[string]any)["id"].(string)
}

// signature is of the release of a commit.
func (h *house) signature(ada *browser, app, commit string) map[string]any {
	h.t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	text := ada.want(200, "GET", "/apps/"+app+"/commits/"+commit+"/release", nil)["text"].(string)
	return map[string]any{"public": hex.EncodeToString(public), "signature": wire.Sign(private, text)}
}

// stopped makes a rollout that is stopped.
func (h *house) stopped(ada *browser) (app, commit string) {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.agents.Run(ctx) })
	defer func() { stop(); running.Wait() }()
	app, commit, all := h.running(ada, 3)
	for _, c := range all {
		h.offered(c)
		_, err := c.Sync(context.Background(), wire.Sync{Boot: "00000001", Update: &wire.Progress{Kind: "app", Ver: commit, State: wire.Returned, Why: "ImportError"}})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return app, commit
}

// offered waits until a thing is offered something.
func (h *house) offered(c *desk.Client) {
	h.t.Helper()
	for end := time.Now().Add(roomtest.Patience); time.Now().Before(end); {
		a, err := c.Sync(context.Background(), wire.Sync{Boot: "00000001", Wait: 1})
		if err != nil {
			h.t.Fatal(err)
		}
		if a.Update != nil {
			return
		}
	}
	h.t.Fatal("nothing was offered")
}

func goodRuntimeCalls(h *house, ada *browser) map[string]func() good {
	return map[string]func() good{
		"get-runtime": func() good {
			_, _, all := h.running(ada, 1)
			return good{path: "/things/" + all[0].ID + "/runtime"}
		},
		"list-boots": func() good {
			_, _, all := h.running(ada, 1)
			return good{path: "/things/" + all[0].ID + "/boots"}
		},
		"list-crashes": func() good { h.crash(ada); return good{path: "/crashes?unseen=true&thing=garden"} },
		"see-crash":    func() good { return good{path: "/crashes/" + h.crash(ada) + "/seen"} },
		"delete-crash": func() good { return good{path: "/crashes/" + h.crash(ada)} },
		"get-release": func() good {
			app, commit, _ := h.running(ada, 1)
			return good{path: "/apps/" + app + "/commits/" + commit + "/release?down=true"}
		},
		"sign-release": func() good {
			app, commit, _ := h.running(ada, 1)
			return good{path: "/apps/" + app + "/commits/" + commit + "/release/signature", body: h.signature(ada, app, commit)}
		},
		"list-rollouts": func() good { app, _ := h.stopped(ada); return good{path: "/apps/" + app + "/rollouts"} },
		"resume-rollout": func() good {
			app, commit := h.stopped(ada)
			return good{path: "/apps/" + app + "/pools/development/resume", body: map[string]any{"kind": "app", "version": commit}}
		},
	}
}

func TestThingOfTheRuntimeIsShown(t *testing.T) {
	h := open(t)
	ada := h.owner()
	_, commit, all := h.running(ada, 1)
	r := ada.want(200, "GET", "/things/"+all[0].ID+"/runtime", nil)
	runtime, app := r["runtime"].(map[string]any), r["app"].(map[string]any)
	if r["platform"] != "esp32" || runtime["slot"] != "factory" || runtime["version"] != "1.0.0" || app["wanted"] != commit || r["meta"].(map[string]any)["leds"] != 3.0 {
		t.Errorf("shown as %v", r)
	}
	if files := r["files"].([]any); len(files) != 1 || files[0].(map[string]any)["state"] != "its own" {
		t.Errorf("files %v", files)
	}
	if crashes := r["crashes"].([]any); len(crashes) != 1 || crashes[0].(map[string]any)["error"] != "ValueError: no sensor" || crashes[0].(map[string]any)["appName"] != "Garden" {
		t.Errorf("crashes %v", crashes)
	}
	if text, _ := ada.send("GET", "/things/"+all[0].ID, nil); text.StatusCode != 200 {
		t.Error(text.Status)
	}
	h.arrive("node1", true)
	ada.want(404, "GET", "/things/node1/runtime", nil)
}

func TestCrashIsSeenUntilItHappensAgain(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := h.crash(ada)
	ada.want(204, "POST", "/crashes/"+id+"/seen", nil)
	if left := ada.want(200, "GET", "/crashes?unseen=true", nil)["groups"].([]any); len(left) != 0 {
		t.Errorf("unseen: %v", left)
	}
	ada.want(204, "DELETE", "/crashes/"+id, nil)
	ada.want(404, "DELETE", "/crashes/"+id, nil)
	if left := ada.want(200, "GET", "/crashes", nil)["groups"].([]any); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestReleaseIsSignedByWhoHasTheKey(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app, commit, _ := h.running(ada, 1)
	at := "/apps/" + app + "/commits/" + commit + "/release"
	sig := h.signature(ada, app, commit)
	wrong := h.signature(ada, app, commit)["public"]
	ada.want(422, "PUT", at+"/signature", map[string]any{"public": wrong, "signature": sig["signature"]})
	ada.want(200, "PUT", at+"/signature", sig)
	if all := ada.want(200, "GET", at, nil)["signatures"].([]any); len(all) != 1 || all[0].(map[string]any)["by"] != "ada" {
		t.Errorf("signatures %v", all)
	}
	ada.want(404, "GET", "/apps/"+app+"/commits/17/release", nil)
}

func TestStoppedRolloutIsShownAndGoesOn(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app, commit := h.stopped(ada)
	r := ada.want(200, "GET", "/apps/"+app+"/rollouts", nil)["rollouts"].([]any)
	if len(r) != 1 || r[0].(map[string]any)["halted"] != true || len(r[0].(map[string]any)["failed"].([]any)) != 3 {
		t.Fatalf("rollouts %v", r)
	}
	body := map[string]any{"kind": "app", "version": commit}
	ada.want(204, "POST", "/apps/"+app+"/pools/development/resume", body)
	ada.want(404, "POST", "/apps/"+app+"/pools/development/resume", body)
}

func TestThingOfTheRuntimeTakesAllCommandsAndLosesItsKeyWithItself(t *testing.T) {
	h := open(t)
	ada := h.owner()
	_, _, all := h.running(ada, 1)
	at := "/things/" + all[0].ID
	for _, body := range []string{
		`{"kind":"identify"}`, `{"kind":"restart"}`, `{"kind":"factory-reset"}`, `{"kind":"shell","value":"1+1"}`, `{"kind":"message","value":{"a":1}}`,
		`{"kind":"set","resource":"led","value":1}`,
	} {
		ada.want(202, "POST", at+"/commands", body)
	}
	h.arrive("node1", true)
	ada.want(409, "POST", "/things/node1/commands", `{"kind":"identify"}`)
	ada.want(204, "DELETE", at, nil)
	if left, err := h.Store.Agents(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("keys left: %v %v", left, err)
	}
}

func TestThingOfTheRuntimeTakesHotfixes(t *testing.T) {
	h := open(t)
	ada := h.owner()
	_, _, all := h.running(ada, 1)
	at := "/things/" + all[0].ID + "/hotfixes"
	id := ada.want(201, "POST", at, map[string]any{"files": map[string]string{"worker_task.py": "class WorkerTask:\n    def call(self):\n        return 2\n"}})["id"].(string)
	if list := ada.want(200, "GET", at, nil)["hotfixes"].([]any); len(list) != 1 || list[0].(map[string]any)["state"] != "waiting" {
		t.Errorf("hotfixes %v", list)
	}
	ada.want(200, "DELETE", at+"/"+id, nil)
	ada.want(409, "DELETE", at+"/"+id, nil)
	bare := &desk.Client{URL: h.agentsAt}
	if err := bare.Join(t.Context(), wire.Join{MAC: "28cdc1010298", Platform: "esp32"}); err != nil {
		t.Fatal(err)
	}
	ada.want(200, "POST", "/things/"+bare.ID+"/approve", nil)
	ada.want(409, "POST", "/things/"+bare.ID+"/hotfixes", map[string]any{"files": map[string]string{"app.py": "x = 2\n"}}) // no app
}

func TestStartsOfAThingAreListed(t *testing.T) {
	h := open(t)
	ada := h.owner()
	_, _, all := h.running(ada, 1)
	boots := ada.want(200, "GET", "/things/"+all[0].ID+"/boots", nil)["boots"].([]any)
	if len(boots) != 1 || boots[0].(map[string]any)["boot"] != "00000001" || boots[0].(map[string]any)["runtime"] != "1.0.0" || boots[0].(map[string]any)["app"] != "0" {
		t.Errorf("boots %v", boots)
	}
	h.arrive("node1", true)
	ada.want(404, "GET", "/things/node1/boots", nil)
}

func TestSeveralKeysInTheNameOfABoardAreShownAndOneIsNamed(t *testing.T) {
	h := open(t)
	ada := h.owner()
	board, thief := &desk.Client{URL: h.agentsAt}, &desk.Client{URL: h.agentsAt}
	for _, c := range []*desk.Client{board, thief} {
		if err := c.Join(context.Background(), wire.Join{MAC: "28cdc1010299", Platform: "esp32"}); err != nil {
			t.Fatal(err)
		}
	}
	at := "/things/" + board.ID
	joins := ada.want(200, "GET", at+"/runtime", nil)["joins"].([]any)
	if len(joins) != 2 || joins[0].(map[string]any)["key"] != board.Key.Print() || joins[1].(map[string]any)["key"] != thief.Key.Print() || joins[1].(map[string]any)["address"] != "127.0.0.1" {
		t.Fatalf("keys that wait: %v", joins)
	}
	ada.want(409, "POST", at+"/approve", nil)
	ada.want(404, "POST", at+"/approve?key=00000-00000", nil)
	ada.want(200, "POST", at+"/approve?key="+board.Key.Print(), nil)
	r := wire.Register{Boot: "00000001", Net: &wire.Net{SSID: "garden", Failed: []string{"house"}}}
	if _, err := board.Register(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	shown := ada.want(200, "GET", at+"/runtime", nil)
	net := shown["net"].(map[string]any)
	if shown["key"] != board.Key.Print() || len(shown["joins"].([]any)) != 0 || net["ssid"] != "garden" || len(net["failed"].([]any)) != 1 {
		t.Errorf("shown as %v", shown)
	}
	if err := thief.Hello(context.Background()); err == nil {
		t.Error("the other key is good, too")
	}
}
