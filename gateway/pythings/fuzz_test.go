package pythings_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/roost-iot/roost"
)

// Whatever is sent to the device API, it answers with an error or with what belongs to
// the call, and goes on.
func FuzzDeviceAPI(f *testing.F) {
	h := build(f, plan{})
	d := h.running("fuzz")
	hidden := h.device("hidden")
	hidden.encrypt()
	hidden.mustRegister()
	for _, seed := range []struct{ path, body string }{
		{"/api/v1/things/register/", registration},
		{"/api/v1/things/preregister/", `{"key": [1, 2], "kty": "aes128ecb", "ken": "srsa1"}`},
		{"/api/v1/apps/management/", `{"token": "` + d.token + `"}`},
		{"/api/v1/apps/management/", `{"token": "764b5189-40bf-4da6-867b-2baeb55ca955"}`},
		{"/api/v1/things/report/", `{"what": "management", "status": "OK", "msg": {"mid": "m", "rep": [1]}, "token": "` + d.token + `"}`},
		{"/api/v1/apps/worker/", `{"msg": {"t": 20.5, "s": "x"}, "ts": "1700000000.25", "token": "` + d.token + `"}`},
		{"/api/v1/apps/get/", `{"version": "1700000000", "list": true, "token": "` + d.token + `"}`},
		{"/api/v1/apps/get/", `{"file_name": "worker_task.py", "version": "1700000000", "token": "` + d.token + `", "platform": "Python"}`},
		{"/api/v1/pythings/get/", `{"version": "..", "list": true, "platform": "/etc", "token": "` + d.token + `"}`},
		{"/api/v1/apps/management/", hidden.body(map[string]any{})},
		{"/api/v1/apps/worker/", hidden.body(map[string]any{"msg": []int{1}})},
		{"/api/v0.2/apps/management/", `{"token": "` + d.token + `"}`},
		{"/api/v1/msg/drop/", `{"msg": 1, "token": "` + d.token + `"}`},
		{"/api/v1/time/epoch_s/", `{}`},
	} {
		f.Add(seed.path, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path, r.RemoteAddr = path, "127.0.0.1:1"
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
		for _, c := range w.Body.Bytes() {
			if c >= 0x80 {
				t.Fatalf("%s %q: not ASCII: %q", path, body, w.Body)
			}
		}
		if run, ok := h.releases.CurrentRun(d.ref()); !ok || run.Project != roost.Home {
			t.Error("the thing is gone")
		}
	})
}
