package e2e

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/coder/websocket"
)

func TestPyaiotGatewayAndPage(t *testing.T) {
	for _, mode := range []string{"open", "token"} {
		t.Run(mode, func(t *testing.T) {
			s := start(t, filepath.Join(t.TempDir(), "data"), "--pyaiot-clients", mode, "--enrol", "open")
			query := ""
			if mode == "token" {
				query = "?token=" + s.token
				s.refusesStrangers()
			}
			pyaiotMainJob(s, query)
			s.endsWell()
		})
	}
}

// refusesStrangers checks what comes without a token to /ws and /gw.
func (s *server) refusesStrangers() {
	s.t.Helper()
	for _, path := range []string{"/ws", "/ws?token=rst_wrong", "/gw"} {
		conn, res, err := websocket.Dial(s.t.Context(), "ws://"+s.http+path, nil)
		if err == nil {
			_ = conn.CloseNow() // it failed already
			s.t.Fatalf("%s lets strangers in", path)
		}
		if res == nil || res.StatusCode != http.StatusUnauthorized {
			s.t.Errorf("%s without a token: %v", path, err)
		}
	}
}

func pyaiotMainJob(s *server, query string) {
	t := s.t
	gw, page := s.gateway(), s.page(query)
	gw.write(`{"type": "new", "uid": "m3-7", "dst": "all"}`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "protocol", "data": "CoAP", "dst": "all"}`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "temperature", "data": "24.1°C", "dst": "all"}`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "led", "data": "0", "dst": "all"}`)
	page.until(`"type": "new"`, `"uid": "m3-7"`)
	page.until(`"type": "update"`, `"endpoint": "led"`, `"data": "0"`)
	s.awaitValue("m3-7", "temperature", `"24.1°C"`)

	late := s.page(query) // sees what there is
	late.until(`"uid": "m3-7"`, `"temperature"`, "24.1")

	page.write(`{"type": "update", "data": {"uid": "m3-7", "endpoint": "led", "payload": "1"}}`)
	gw.until(`"uid": "m3-7"`, `"led"`, `"1"`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "led", "data": "1", "dst": "all"}`)
	page.until(`"endpoint": "led"`, `"data": "1"`)
	eventually(t, "the page's command is done", func() bool {
		var list struct{ Commands []command }
		s.call("GET", "/things/m3-7/commands", nil, &list)
		return len(list.Commands) == 1 && list.Commands[0].State == "done" && list.Commands[0].Resource == "led"
	})

	gw.write(`{"type": "out", "uid": "m3-7"}`)
	page.until(`"type": "out"`, `"uid": "m3-7"`)
	late.until(`"type": "out"`, `"uid": "m3-7"`)
	eventually(t, "it is offline", func() bool { h, _ := s.thing("m3-7"); return !h.Online })
}
