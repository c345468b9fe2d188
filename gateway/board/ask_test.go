package board_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/board"
)

// web is a board's own HTTP server.
type web struct {
	*httptest.Server
	mu    sync.Mutex
	name  string
	asked []string
	serve map[string]http.HandlerFunc // by method and path
}

func openWeb(t *testing.T) *web {
	w := &web{name: string(id), serve: map[string]http.HandlerFunc{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r.Method+" "+r.URL.String())
		name, serve := w.name, w.serve[r.Method+" "+r.URL.Path]
		w.mu.Unlock()
		switch {
		case serve != nil:
			serve(to, r)
		case r.URL.Path == "/status":
			fmt.Fprintf(to, `{"device_id": %q, "uptime_ms": 5, "distance": 7}`, name)
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(to, `{"ok":true}`)
		default:
			http.Error(to, `{"error":"no such page"}`, http.StatusNotFound)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *web) answers(what string, by http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serve[what] = by
}

func (w *web) heard() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.asked, ", ")
}

func (w *web) port() int { return w.Listener.Addr().(*net.TCPAddr).Port }

// askedHouse has a board that came from this machine and has an own HTTP server.
func askedHouse(t *testing.T, change func(*board.Config)) (*house, *web) {
	t.Helper()
	h, _ := meterHouse(t, plan{enrolment: "open", change: change})
	h.boot(meter)
	w := openWeb(t)
	h.ok("/iot/register", object{"device_id": id, "ip": "10.0.0.7", "http_port": w.port()})
	return h, w
}

func says(t *testing.T, err error, kind roost.ErrorKind, part string) {
	t.Helper()
	if roost.KindOf(err) != kind || !strings.Contains(roost.Message(err), part) {
		t.Errorf("%v %v; want kind %v with %q", roost.KindOf(err), err, kind, part)
	}
}

func TestBoardIsAskedItself(t *testing.T) {
	h, w := askedHouse(t, nil)
	status, err := h.door.Status(t.Context(), ref)
	if err != nil || !strings.Contains(string(status), `"distance":7`) {
		t.Errorf("status %s, %v", status, err)
	}
	w.answers("GET /logs", func(to http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(to, `{"count":2,"logs":["boot_log.txt",{"name":"platform_log.txt"},"../wifi.json"]}`)
	})
	names, err := h.door.Logs(t.Context(), ref)
	if err != nil || strings.Join(names, " ") != "boot_log.txt platform_log.txt" {
		t.Errorf("logs %q, %v", names, err)
	}
	w.answers("GET /logs/boot_log.txt", func(to http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(to, "one\ntwo\n") })
	text, err := h.door.ReadLog(t.Context(), ref, "boot_log.txt", 50)
	if err != nil || text != "one\ntwo\n" {
		t.Errorf("log %q, %v", text, err)
	}
	_, err = h.door.ReadLog(t.Context(), ref, "../wifi.json", 0)
	says(t, err, roost.NotFound, "no log")
	_, err = h.door.ReadLog(t.Context(), ref, "main_log_9.txt", 0)
	says(t, err, roost.NotFound, "no such page")
	for _, act := range []string{board.ActIdentify, board.ActRestart, board.ActFactoryReset} {
		if err := h.door.Act(t.Context(), ref, act); err != nil || !strings.HasSuffix(w.heard(), "POST /"+act) {
			t.Errorf("%s: %v after %s", act, err, w.heard())
		}
	}
	says(t, h.door.Act(t.Context(), ref, "config"), roost.Invalid, "cannot be asked")
	if !strings.Contains(w.heard(), "GET /logs/boot_log.txt?lines=50") || !strings.Contains(h.log(), "asked to blink") {
		t.Errorf("heard %s; log %s", w.heard(), h.log())
	}
}

func TestOnlyTheBoardItselfIsToldWhatToDo(t *testing.T) {
	h, w := askedHouse(t, nil)
	for _, c := range []struct {
		answer http.HandlerFunc
		part   string
	}{
		{func(to http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(to, `{"device_id":"meter-000000000001"}`)
		}, "answers another board, meter-000000000001"},
		{func(to http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(to, `<h1>Router</h1>`) }, "no board of this platform. It calls 10.0.0.7 its own address"},
		{func(to http.ResponseWriter, r *http.Request) { http.Redirect(to, r, "/elsewhere", http.StatusFound) }, "answered 302"},
		{func(to http.ResponseWriter, _ *http.Request) { http.Error(to, `{"error":"busy"}`, 500) }, "answered 500: busy"},
	} {
		w.answers("GET /status", c.answer)
		says(t, h.door.Act(t.Context(), ref, board.ActIdentify), roost.Conflict, c.part)
	}
	endless := func(to http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(to, strings.Repeat("x", 4096)); err != nil {
				return
			}
		}
	}
	w.answers("GET /status", endless)
	says(t, h.door.Act(t.Context(), ref, board.ActIdentify), roost.Unavailable, "does not answer")
	if heard := w.heard(); strings.Contains(heard, "POST") || strings.Contains(heard, "elsewhere") {
		t.Errorf("somebody else was told: %s", heard)
	}
}

// A board that goes down before it answers has done what it was asked.
func TestBoardGoesDownAtItsRestart(t *testing.T) {
	h, w := askedHouse(t, nil)
	gone := func(to http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(to).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	w.answers("POST /restart", gone)
	w.answers("POST /identify", gone)
	if err := h.door.Act(t.Context(), ref, board.ActRestart); err != nil {
		t.Error(err)
	}
	says(t, h.door.Act(t.Context(), ref, board.ActIdentify), roost.Unavailable, "does not answer at 127.0.0.1. Is it on, and on the same network as Roost?")
	w.Close()
	says(t, h.door.Act(t.Context(), ref, board.ActRestart), roost.Unavailable, "does not answer")
}

func TestEndOfALongLogIsGiven(t *testing.T) {
	h, w := askedHouse(t, nil)
	w.answers("GET /logs/main_log_0.txt", func(to http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(to, strings.Repeat("old line\n", 30_000)+"the end\xff\n")
	})
	text, err := h.door.ReadLog(t.Context(), ref, "main_log_0.txt", 0)
	if err != nil || len(text) > 65<<10 || len(text) < 60<<10 || !strings.HasSuffix(text, "the end\uFFFD\n") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestOnlyAddressesOfOnesOwnNetworksAreAsked(t *testing.T) {
	for _, c := range []struct{ ask, came, want string }{
		{"", "192.168.1.40:51000", "192.168.1.40:80"},
		{"", "127.0.0.1:51000", "127.0.0.1:8001"},
		{"", "[::ffff:10.1.2.3]:51000", "10.1.2.3:80"},
		{"", "[fe80::1%wlan0]:51000", "[fe80::1%wlan0]:80"},
		{"", "[fd00::1]:51000", "[fd00::1]:80"},
		{"", "203.0.113.9:51000", "no address of a private network"},
		{"", "[2001:db8::1]:51000", "no address of a private network"},
		{"", "0.0.0.0:51000", "no address of a private network"},
		{board.AskAny, "203.0.113.9:51000", "203.0.113.9:80"},
		{board.AskAny, "255.255.255.255:51000", "no address of a private network"},
		{board.AskAny, "224.0.0.1:51000", "no address of a private network"},
		{board.AskOff, "192.168.1.40:51000", "does not ask boards"},
		{board.AskAny, "roost.example:51000", "does not know from which address"},
		{board.AskAny, "", "does not know from which address"},
	} {
		at, err := board.Reach(c.ask, c.came, 8001)
		if got := at.String(); err == nil && got != c.want || err != nil && !strings.Contains(roost.Message(err), c.want) {
			t.Errorf("%q %s: %v, %v", c.ask, c.came, got, err)
		}
	}
}

func TestBoardsAreNotAskedWhereTheOperatorSaysSo(t *testing.T) {
	h, w := askedHouse(t, func(c *board.Config) { c.Ask = board.AskOff })
	says(t, h.door.Act(t.Context(), ref, board.ActIdentify), roost.Conflict, "does not ask boards")
	_, err := h.door.Status(t.Context(), roost.Ref{Project: roost.Home, Thing: "nobody"})
	says(t, err, roost.NotFound, "no board")
	if w.heard() != "" {
		t.Errorf("it was asked: %s", w.heard())
	}
}

func FuzzLogs(f *testing.F) {
	for _, s := range []string{
		`["boot_log.txt"]`, `{"logs":[{"name":"a.txt","size":5}]}`, `{"files":["x"],"n":1}`, "plain", `{"lines":["a","b"]}`, `{"content":"a\nb"}`, `{"text":5}`, "\xff", `{`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, name := range board.LogNames(raw) {
			if strings.ContainsAny(name, "/\\") || strings.Contains(name, "..") || name == "" || len(name) > 64 {
				t.Errorf("%q of %q", name, raw)
			}
		}
		board.LogText(raw)
	})
}

func TestLogsAreReadAsTheyCome(t *testing.T) {
	for raw, want := range map[string]string{
		"plain\n": "plain\n", `{"content":"a\nb"}`: "a\nb", `{"lines":["a","b"]}`: "a\nb", `{"name":"x"}`: `{"name":"x"}`,
	} {
		if got := board.LogText([]byte(raw)); got != want {
			t.Errorf("%s: %q", raw, got)
		}
	}
}

func TestListsOfLogsAreReadAsTheyCome(t *testing.T) {
	for raw, want := range map[string]string{
		`["a.txt"]`: "[a.txt]", `{"logs":[{"name":"a.txt"},{"file":"b.txt"}]}`: "[a.txt b.txt]", `[{"name":"a.txt","file":"a.txt"}]`: "[a.txt]",
	} {
		if got := fmt.Sprint(board.LogNames([]byte(raw))); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}
