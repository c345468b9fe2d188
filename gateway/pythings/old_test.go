package pythings_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
)

// Generation 1 calls another base, and its platform a system or an arch.
func TestGeneration1(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "esp8266", osFiles, "api.py", "init.py", "version.py")
	call := func(path, body string) reply {
		t.Helper()
		return post(t, dial(t, h.addr), "/api/v0.2/"+path, body)
	}
	r := call("things/register/", `{"tid": "g1", "aid": "`+string(recordedApp)+`", "app_version": "1700000000", "pythings_version": "v0.2", "pool": "production"}`)
	want(t, "register", r, 200, `{"token":"`)
	var a struct{ Token string }
	if err := json.Unmarshal([]byte(r.body), &a); err != nil {
		t.Fatal(err)
	}
	token := `"token": "` + a.Token + `"}`
	want(t, "management", call("apps/management/", "{"+token), 200, `{"settings":{`)
	if r := call("things/report/", `{"what": "management", "status": "OK", "msg": null, `+token); r.body != "null" {
		t.Errorf("report: %+v, want JSON", r)
	}
	for _, name := range []string{"system", "arch"} {
		r := call("pythings/get/", `{"file_name": "version.py", "version": "v1.0.0", "`+name+`": "esp8266", `+token)
		want(t, name, r, 200, "version='v1.0.0'\n")
	}
	r = call("apps/get/", `{"file_name": "worker_task.py", "version": "1700000000", "system": "esp8266", `+token)
	want(t, "file", r, 200, "class worker_task(WorkerTask):")

	ref := roost.Ref{Project: roost.Home, Thing: "g1"}
	shell, message := h.send(ref, roost.Shell, `"print(1)"`), h.send(ref, roost.Tell, `"x"`)
	want(t, "message", call("apps/management/", "{"+token), 200, message)
	if c := h.find(roost.Home, shell); c.State != roost.Failed || !strings.Contains(c.Error, "knows no shell") {
		t.Errorf("shell line %+v", c)
	}
}

// Generation 0 wraps what it is told in "data" and has other names.
func TestGeneration0(t *testing.T) {
	h := build(t, plan{})
	h.shelve("v1.0.0", "esp8266", osFiles, "api.py", "init.py", "version.py")
	r := h.post("things/register/", `{"tid": "g0", "aid": "`+string(recordedApp)+`", "running_app_version": "1700000000", "running_os_version": "v0.1.1", "frozen_os": true, "settings": {}}`)
	var a struct {
		Data struct {
			Token string
			Epoch int64 `json:"epoch_s"`
		}
	}
	if err := json.Unmarshal([]byte(r.body), &a); err != nil || a.Data.Token == "" || a.Data.Epoch == 0 {
		t.Fatalf("register: %+v, %v", r, err)
	}
	token := `"token": "` + a.Data.Token + `"}`
	want(t, "management", h.post("apps/management/", "{"+token), 200, `{"data":{"settings":{"pythings_version":"factory"`)
	want(t, "report", h.post("things/report/", `{"what": "management", "status": "OK", "message": null, `+token), 200, `{"data":`)
	ref := roost.Ref{Project: roost.Home, Thing: "g0"}
	id := h.send(ref, roost.Tell, `"x"`)
	want(t, "message", h.post("apps/management/", "{"+token), 200, `"app_data":"x","app_data_id":"`+id+`"}}`)
	want(t, "reply", h.post("things/report/", `{"what": "management", "status": "OK", "message": {"app_data_id": "`+id+`", "app_data_rep": "Got x"}, `+token), 200, "")
	if c := h.find(roost.Home, id); c.State != roost.Done || c.Result != `"Got x"` {
		t.Errorf("message %+v", c)
	}
	want(t, "worker", h.post("msg/drop/", `{"msg": {"n": 1}, `+token), 200, "")
	if s, _ := h.releases.Software(ref); !s.Frozen || s.OS != "v0.1.1" || s.Version != recordedCommit {
		t.Errorf("software %s", s.OS)
	}
	h = h.again(plan{})
	want(t, "after a restart", h.post("apps/management/", "{"+token), 200, `{"data":{"settings":`)

	resp, err := http.Get("http://" + h.addr + "/static/dist/PythingsOS/v1.0.0/esp8266/version.py")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || string(body) != "version='v1.0.0'\n" {
		t.Errorf("file of the OS: %d %q, %v", resp.StatusCode, body, err)
	}
}
