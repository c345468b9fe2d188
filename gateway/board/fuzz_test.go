package board_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever comes, the door answers with a JSON object and never fails inside.
func FuzzCalls(f *testing.F) {
	h, _ := still(f, plan{})
	h.boot(meter)
	for _, path := range []string{"boot", "register", "heartbeat", "files/x/y/z", "../boot"} {
		for _, body := range []string{
			`{"mac":"28:CD:C1:01:02:03","app_type":"meter","hashes":{"app.py":"x"},"stream":true,"all":true}`,
			`{"device_id":"` + string(id) + `","telemetry":{"a":[1,{}],"b":null},"heartbeat_ms":1e400}`,
			`{"device_id":"` + string(id) + `","meta":{"a":1},"firmware":"\u0000","version":{"a":1},"heartbeat_ms":-1}`,
			`{"mac":null,"hashes":{"\ud800":"` + strings.Repeat("f", 32) + `"}}`, `[]`, `nan`, ``, `{"device_id":"a/../b"}`,
		} {
			f.Add(path, body)
		}
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		r := httptest.NewRequest(http.MethodPost, "/iot/x", strings.NewReader(body))
		r.URL.Path = "/iot/" + path
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || !strings.HasPrefix(w.Body.String(), "{") {
			t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
	})
}
