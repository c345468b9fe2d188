package web

import (
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

func TestThingSaysWhatRunsOnIt(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app := ada.app("Greenhouse")
	h.arrive("node1", true)
	ada.want(404, "GET", "/things/node1/software", nil)
	h.device("bench", release.Registration{App: roost.AppID(app), Pool: "staging", Frozen: true})
	ref := h.server.ref("bench")
	at := time.UnixMilli(1764000000000)
	h.releases.Report(ref, roost.PartWorker, false, "ValueError boom", at)
	h.releases.Report(ref, roost.PartWorker, true, "", at.Add(time.Second))

	got := ada.want(200, "GET", "/things/bench/software", nil)
	if objectAt(got, "app")["name"] != "Greenhouse" || got["pool"] != "staging" || got["boundBy"] != "app" || got["frozen"] != true ||
		got["os"] != "v1.1.0" || got["platform"] != "Python" || got["upToDate"] != false || got["commit"] != ada.newest(app) {
		t.Errorf("what runs is %v", got)
	}
	worker := objectAt(map[string]any{"w": listAt(got, "statuses")[1]}, "w")
	if worker["part"] != "worker" || worker["known"] != true || worker["ok"] != true || worker["error"] != "ValueError boom" || worker["errorAt"] != 1764000000000.0 {
		t.Errorf("its worker is %v", worker)
	}
	if s := objectAt(got, "session"); s["address"] != "192.0.2.8:40000" || s["ended"] != 0.0 || s["version"] != "0" {
		t.Errorf("its session is %v", s)
	}
	h.device("bench", release.Registration{App: roost.AppID(app), Version: ada.newest(app)})
	if got := ada.want(200, "GET", "/things/bench/software", nil); got["upToDate"] != true || got["pool"] != "staging" {
		t.Errorf("updated, it is %v", got)
	}
	runs := listAt(ada.want(200, "GET", "/things/bench/sessions", nil), "sessions")
	if len(runs) != 2 || field(runs[0], "ended") != 0.0 || field(runs[1], "ended") == 0.0 {
		t.Errorf("its sessions are %v", runs)
	}
	thing := ada.want(200, "GET", "/things/bench", nil)
	if a := objectAt(thing, "app"); a["id"] != app || a["name"] != "Greenhouse" || a["pool"] != "staging" || a["version"] != ada.newest(app) {
		t.Errorf("the thing has the app %v", a)
	}
	if thing := ada.want(200, "GET", "/things/node1", nil); thing["app"] != nil {
		t.Errorf("the other has the app %v", thing["app"])
	}
	for query, want := range map[string]int{"": 2, "?app=" + app: 1, "?app=nothing": 0} {
		if n := len(listAt(ada.want(200, "GET", "/things"+query, nil), "things")); n != want {
			t.Errorf("/things%s gives %d", query, n)
		}
	}
	if list := listAt(ada.want(200, "GET", "/apps", nil), "apps"); field(list[0], "things") != 1.0 || field(list[0], "online") != 1.0 {
		t.Errorf("the app is %v", list[0])
	}
	ada.want(409, "DELETE", "/things/bench/app", nil)
}

func TestPeopleChooseTheAppOfThingsThatBringAnAccount(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app := ada.app("Greenhouse")
	h.device("bench", release.Registration{})
	got := ada.want(200, "GET", "/things/bench/software", nil)
	if got["boundBy"] != "account" || objectAt(got, "app")["hidden"] != true {
		t.Errorf("before an app it has %v", got)
	}
	if thing := ada.want(200, "GET", "/things/bench", nil); thing["app"] != nil {
		t.Errorf("the thing has the app %v", thing["app"])
	}
	w := h.watch(ada, `{"subscribe":{"types":["software"]}}`)
	got = ada.want(200, "PUT", "/things/bench/app", map[string]any{"app": app, "pool": "production"})
	if objectAt(got, "app")["id"] != app || got["pool"] != "production" {
		t.Errorf("installed, it has %v", got)
	}
	if e := w.next(); e["type"] != "software" || e["thing"] != "bench" {
		t.Errorf("the stream says %v", e)
	}
	ada.want(404, "PUT", "/things/bench/app", map[string]any{"app": "nothing"})
	ada.want(404, "PUT", "/things/bench/app", map[string]any{"app": app, "pool": "nowhere"})
	if got := ada.want(200, "PUT", "/things/bench/pool", map[string]any{"pool": "staging"}); got["pool"] != "staging" {
		t.Errorf("moved, it has %v", got)
	}
	ada.want(404, "PUT", "/things/bench/pool", map[string]any{"pool": "nowhere"})
	if got := ada.want(200, "DELETE", "/things/bench/app", nil); objectAt(got, "app")["hidden"] != true {
		t.Errorf("without its app it has %v", got)
	}
	ada.want(200, "POST", "/things/bench/reregister", nil)
	h.wantAudit("thing.install", "thing.pool", "thing.uninstall", "thing.reregister")
}

func TestThingHasSettingsOfItsOwn(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app := ada.app("Greenhouse")
	h.device("bench", release.Registration{App: roost.AppID(app)})
	patch := func(status int, body string) map[string]any {
		t.Helper()
		return ada.want(status, "PATCH", "/things/bench/settings", body)
	}
	got := patch(200, `{"worker":9,"tls":false}`)
	if objectAt(got, "own")["worker"] != 9.0 || len(objectAt(got, "own")) != 2 || objectAt(got, "wanted")["worker"] != 9.0 {
		t.Errorf("its settings are %v over %v", got["own"], got["wanted"])
	}
	got = patch(200, `{"worker":null,"management":4}`)
	if own := objectAt(got, "own"); own["management"] != 4.0 || own["tls"] != false || len(own) != 2 || objectAt(got, "wanted")["worker"] != 300.0 {
		t.Errorf("its settings are %v over %v", got["own"], got["wanted"])
	}
	patch(422, `{"worker":0}`)
	patch(422, `{"worker":"9"}`)
	patch(422, `{"os":"v9"}`)
	patch(422, `{"app":"nothing"}`)
	if got := ada.want(200, "GET", "/things/bench/software", nil); len(objectAt(got, "own")) != 2 {
		t.Errorf("a refusal has changed its settings: %v", got["own"])
	}
	ada.want(404, "PATCH", "/things/nobody/settings", `{"worker":9}`)
}

func TestCommandsFitTheThing(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", true)
	h.device("bench", release.Registration{})
	send := func(status int, thing, body string) map[string]any {
		t.Helper()
		return ada.want(status, "POST", "/things/"+thing+"/commands", body)
	}
	for thing, refusals := range map[string]map[string]string{
		"node1": {`{"kind":"message","value":1}`: "resources", `{"kind":"shell","value":"print(1)"}`: "no shell"},
		"bench": {`{"resource":"led","value":1}`: "message", `{"kind":"refresh"}`: "message"},
	} {
		for body, naming := range refusals {
			if p := send(409, thing, body); !strings.Contains(p["detail"].(string), naming) {
				t.Errorf("%s of %s is refused with %v", body, thing, p["detail"])
			}
		}
	}
	told := send(202, "bench", `{"kind":"message","value":{"led":[1, 2]}}`)
	if told["kind"] != "message" || told["state"] != "queued" || told["expires"].(float64)-told["created"].(float64) != 24*3600*1000 {
		t.Errorf("the message is %v", told)
	}
	send(202, "bench", `{"kind":"shell","value":"print(1)","expires_in":60}`)
	send(422, "bench", `{"kind":"shell","value":1}`)
	send(422, "bench", `{"kind":"message","value":{}}`)
	send(422, "bench", `{"kind":"bogus","value":1}`)
	for query, want := range map[string]int{"": 2, "?kind=message": 1, "?kind=shell": 1, "?kind=set": 0, "?limit=1": 1} {
		if n := len(listAt(ada.want(200, "GET", "/things/bench/commands"+query, nil), "commands")); n != want {
			t.Errorf("commands%s: %d", query, n)
		}
	}
	ref := h.server.ref("bench")
	c, ok := h.Commands.Fetch(t.Context(), ref)
	if !ok || c.Value != `{"led":[1,2]}` || c.By != "ada" {
		t.Fatalf("the thing fetches %+v", c)
	}
	h.answered(ref, c.ID, roost.Done, `"Got it"`, "")
	eventually(t, "the reply is shown", func() bool {
		got := ada.want(200, "GET", "/commands/"+c.ID, nil)
		return got["state"] == "done" && got["result"] == "Got it"
	})
}

func TestMessageGoesToAllThingsOfAPool(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app := ada.app("Greenhouse")
	for tid, pool := range map[string]string{"a": "staging", "b": "staging", "c": "production"} {
		h.device(tid, release.Registration{App: roost.AppID(app), Pool: pool})
	}
	h.device("elsewhere", release.Registration{})
	path := "/apps/" + app + "/messages"
	if got := ada.want(200, "POST", path, `{"value":"hello","pool":"staging"}`); got["sent"] != 2.0 || got["refused"] != 0.0 {
		t.Errorf("sent to a pool: %v", got)
	}
	if got := ada.want(200, "POST", path, `{"value":"hello"}`); got["sent"] != 3.0 {
		t.Errorf("sent to all: %v", got)
	}
	ada.want(404, "POST", path, `{"value":"hello","pool":"nowhere"}`)
	ada.want(422, "POST", path, `{"value":""}`)
	if n := len(listAt(ada.want(200, "GET", "/things/a/commands", nil), "commands")); n != 2 {
		t.Errorf("a has %d messages", n)
	}
	if n := len(listAt(ada.want(200, "GET", "/things/elsewhere/commands", nil), "commands")); n != 0 {
		t.Errorf("a thing without the app has %d messages", n)
	}
	h.wantAudit("app.message")
}

func TestMessagesAndLogAreTold(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.device("bench", release.Registration{})
	ref, at := h.server.ref("bench"), time.UnixMilli(1764000000000)
	for _, v := range []roost.Value{`{"n":1}`, `2`, `"é <b>"`} {
		if err := h.Telemetry.RecordMessage(t.Context(), roost.WorkerMessage{Ref: ref, Data: v, At: at}); err != nil {
			t.Fatal(err)
		}
	}
	h.Telemetry.Write(roost.LogLine{Ref: ref, At: at, Level: "error", Text: "worker KO: boom", Detail: "Traceback \"x\"\n\tline 1"})
	h.Telemetry.Write(roost.LogLine{Ref: ref, At: at, Level: "info", Text: "registered"})
	messages := func(query string) []any {
		t.Helper()
		return listAt(ada.want(200, "GET", "/things/bench/messages"+query, nil), "messages")
	}
	eventually(t, "messages are kept", func() bool { return len(messages("")) == 3 })
	all := messages("")
	if field(all[0], "value") != "é <b>" || field(all[2], "value", "n") != 1.0 || field(all[0], "at") != 1764000000000.0 {
		t.Errorf("the messages are %v", all)
	}
	older := messages("?limit=1&before=" + number(field(all[0], "id")))
	if len(older) != 1 || field(older[0], "value") != 2.0 {
		t.Errorf("older ones are %v", older)
	}
	if got := messages("?from=1764000000001"); len(got) != 0 {
		t.Errorf("later ones are %v", got)
	}
	eventually(t, "the log is kept", func() bool {
		log := listAt(ada.want(200, "GET", "/things/bench/log", nil), "log")
		return len(log) == 2 && field(log[0], "text") == "registered" && field(log[1], "detail") == "Traceback \"x\"\n\tline 1"
	})
	ada.want(404, "GET", "/things/nobody/log", nil)

	ada.want(204, "DELETE", "/things/bench", nil)
	if _, ok := h.releases.Software(ref); ok {
		t.Error("what ran on the deleted thing is still known")
	}
	h.device("bench", release.Registration{})
	if n := len(listAt(ada.want(200, "GET", "/things/bench/sessions", nil), "sessions")); n != 1 {
		t.Errorf("the new thing of that name has %d sessions", n)
	}
	if got := messages(""); len(got) != 0 {
		t.Errorf("the new thing of that name has the messages %v", got)
	}
}
