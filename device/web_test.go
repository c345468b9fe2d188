package device_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// page asks the thing's own server.
func (b *appBench) page(method, path, body string, headers ...string) (status int, answer string, head http.Header) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), appPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, b.at()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a.StatusCode, string(text), a.Header
}

// at is where its server is, once it is there.
func (b *appBench) at() (address string) {
	b.soon("its server is there", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		address = b.web
		return address != ""
	})
	return address
}

func (b *appBench) object(method, path, body string) map[string]any {
	b.t.Helper()
	status, text, head := b.page(method, path, body)
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil || status != http.StatusOK || head.Get("Content-Type") != "application/json" {
		b.t.Errorf("%s %s: %d %q %v", method, path, status, text, err)
	}
	return o
}

var webOn = map[string]any{"bench_web": true}

func greenhouse(t testing.TB) map[string]string {
	return merged(folder(t, "testdata/apps/greenhouse"), map[string]string{
		"/config.json":  `{"place":"roof","led_pin":2}`,
		"/boot_log.txt": "one\ntwo\nthree\n", "/main_log_9.txt": strings.Repeat("0123456789abcde\n", 200) + "end", "/empty.txt": "", "/boot_log_0.txt": "",
	})
}

func TestEveryBoardAnswersItsRoutes(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		b.until("@put ", with(`"moisture": 40`)) // run() has come to its loop

		s := b.object("GET", "/status", "")
		for name, want := range map[string]any{"device_id": "bench-1", "firmware": "2.1.0", "version": "7", "temperature": 21.5, "moisture": 40.0, "np_pin": 4.0} {
			if s[name] != want {
				t.Errorf("status: %s is %v", name, s[name])
			}
		}
		for _, name := range []string{"uptime_ms", "free_mem", "rssi", "boot_epoch"} {
			if _, ok := s[name].(float64); !ok {
				t.Errorf("status: %s is %v", name, s[name])
			}
		}
		if _, ok := s["ip"].(string); !ok {
			t.Errorf("status: ip is %v", s["ip"])
		}

		i := b.object("GET", "/info", "")
		files, _ := json.Marshal(i["files"])
		config, _ := i["config"].(map[string]any)
		if mac, _ := i["mac"].(string); len(mac) != 12 || i["device_id"] != "bench-1" || config["place"] != "roof" || !strings.Contains(string(files), `"_p/app.py"`) || !strings.Contains(string(files), `"config.json"`) {
			t.Errorf("info: %v", i)
		}

		if c := b.object("GET", "/config", ""); c["place"] != "roof" {
			t.Errorf("config: %v", c)
		}
		if c := b.object("POST", "/config", `{"place":"cellar","deep":{"a":[1,2]}}`); c["place"] != "cellar" || c["led_pin"] != 2.0 || len(c) != 3 {
			t.Errorf("config: %v", c)
		}
		if text, _ := b.get("config.json"); !sameJSON(text, []byte(`{"place":"cellar","deep":{"a":[1,2]},"led_pin":2}`)) {
			t.Errorf("config.json: %s", text)
		}

		b.object("GET", "/endpoints", "")
		_, text, _ := b.page("GET", "/endpoints", "")
		for _, want := range []string{`"/logs/<name>"`, `"/factory-reset"`, `"/reading"`, `"/water"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not in %s", want, text)
			}
		}

		identify := func() { b.object("POST", "/identify", "") }
		if b.board == nil {
			identify()
			return
		}
		b.shows("blue", identify, func() bool { p := b.board.Pixels(4); return len(p) == 9 && p[2] == 255 })
	})
}

func TestLogsAreReadByTheirNames(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		b.until("@put ", with(`"moisture": 40`))
		text, _ := json.Marshal(b.object("GET", "/logs", "")["logs"])
		for _, want := range []string{`"boot_log.txt"`, `"main_log_9.txt"`, `"platform_log.txt"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s is not in %s", want, text)
			}
		}
		if strings.Contains(string(text), "empty.txt") || strings.Contains(string(text), "settings") {
			t.Errorf("logs: %s", text)
		}
		long := strings.Repeat("0123456789abcde\n", 200) + "end"
		for path, want := range map[string]string{
			"/logs/boot_log.txt": "one\ntwo\nthree\n", "/logs/boot_log.txt?lines=2": "two\nthree\n", "/logs/boot_log.txt?lines=0": "one\ntwo\nthree\n",
			"/logs/boot_log.txt?lines=3": "one\ntwo\nthree\n", "/logs/boot_log.txt?lines=99": "one\ntwo\nthree\n", "/logs/boot_log_0.txt?lines=5": "",
			"/logs/main_log_9.txt": long, "/logs/main_log_9.txt?lines=1": "end", "/logs/main_log_9.txt?lines=101": long[100*16:], "/logs/main%5Flog_9.txt?x=1&lines=2": "0123456789abcde\nend",
		} {
			if status, got, _ := b.page("GET", path, ""); status != http.StatusOK || got != want {
				t.Errorf("%s: %d, %d bytes %.80q, want %d", path, status, len(got), got, len(want))
			}
		}
		if _, got, _ := b.page("GET", "/logs/platform_log.txt", ""); !strings.Contains(got, " greenhouse at roof\n") {
			t.Errorf("platform_log.txt: %q", got)
		}
		for _, path := range []string{"/logs/", "/logs/secret", "/logs/settings.json", "/logs/..%2fsettings.json", "/logs/../settings.json", "/logs//boot_log.txt", "/logs/%2Fboot_log.txt", "/logs/boot_log.txt%00", "/logs/_s%2fapp"} {
			if status, got, _ := b.page("GET", path, ""); status != http.StatusNotFound {
				t.Errorf("%s: %d %q", path, status, got)
			}
		}
		if status, _, _ := b.page("GET", "/logs/boot_log.txt?lines=-1", ""); status != http.StatusBadRequest {
			t.Errorf("lines=-1: %d", status)
		}
	})
}

func TestAppsRoutes(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		b.until("@put ", with(`"moisture": 40`))
		if r := b.object("GET", "/reading", ""); r["moisture"] != 40.0 || r["telemetry"].(map[string]any)["temperature"] != 21.5 {
			t.Errorf("reading: %v", r)
		}
		if r := b.object("POST", "/water?by=A%20da+B&x", `{"seconds":2}`); r["watered"] != 2.0 || r["by"] != "A da B" {
			t.Errorf("water: %v", r)
		}
		b.soon("the reading is in status", func() bool { return b.object("GET", "/status", "")["moisture"] == 42.0 })
		if status, text, _ := b.page("GET", "/teapot", ""); status != http.StatusTeapot || text != "short and stout" {
			t.Errorf("teapot: %d %q", status, text)
		}
		for range 2 { // the same fault is told once
			if status, text, _ := b.page("GET", "/broken", ""); status != http.StatusInternalServerError || !strings.Contains(text, `{"error": "ZeroDivisionError: `) {
				t.Errorf("broken: %d %q", status, text)
			}
		}
		b.wants("shell", "1 + 1", `"2\n"`) // what it printed before has come, too
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := strings.Count(strings.Join(b.lines, "\n"), "The app failed"); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestBadRequestsAreRefusedInJSON(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		for _, c := range []struct {
			method, path, body string
			status             int
		}{
			{"GET", "/nothing", "", 404},
			{"GET", "/", "", 404},
			{"GET", "/reading/", "", 404},
			{"POST", "/reading", "", 405},
			{"GET", "/water", "", 405},
			{"DELETE", "/config", "", 405},
			{"POST", "/status", "", 405},
			{"GET", "/restart", "", 405},
			{"POST", "/config", "{", 400},
			{"POST", "/config", "", 400},
			{"POST", "/config", "[1]", 400},
			{"POST", "/config", strings.Repeat("[", 4000), 400},
			{"POST", "/config", "{\"a\":\"\xff\"}", 400},
			{"POST", "/config", `{"a":"` + strings.Repeat("x", 4100) + `"}`, 413},
			{"GET", "/status?" + strings.Repeat("x", 3000), "", 431},
			{"GET", "/status?a=%ff", "", 400},
		} {
			status, text, head := b.page(c.method, c.path, c.body)
			var fault struct{ Error string }
			if err := json.Unmarshal([]byte(text), &fault); status != c.status || err != nil || fault.Error == "" {
				t.Errorf("%s %.40s: %d %q", c.method, c.path, status, text)
			}
			if status == 405 && head.Get("Allow") == "" {
				t.Errorf("%s %s: what is allowed is not said", c.method, c.path)
			}
		}
		if c, _ := b.get("config.json"); !sameJSON(c, []byte(`{"place":"roof","led_pin":2}`)) {
			t.Errorf("config.json: %s", c)
		}
		b.object("GET", "/status", "")
	})
}

// A page of another site cannot use somebody's browser to change or restart a board.
func TestPagesOfOthersCannotAct(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		host := strings.TrimPrefix(b.at(), "http://")
		for _, path := range []string{"/config", "/restart", "/factory-reset", "/identify"} {
			for _, c := range [][2]string{{"http://evil.example", host}, {"null", host}, {"http://rebound.example", "rebound.example"}, {"http://" + host + ".example", host}} {
				if status, text, _ := b.page("POST", path, "{}", "Origin", c[0], "Host", c[1]); status != http.StatusForbidden {
					t.Errorf("%s for %s: %d %q", path, c[0], status, text)
				}
			}
		}
		for _, c := range [][2]string{{"http://" + host, host}, {"http://board.local", "board.local"}, {"http://board", "board"}} {
			if status, text, _ := b.page("POST", "/config", "{}", "Origin", c[0], "Host", c[1]); status != http.StatusOK {
				t.Errorf("for %s: %d %q", c[0], status, text)
			}
		}
	})
}

func TestRestartAndFactoryResetAnswerFirst(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		for _, c := range [][2]string{{"/restart", "restart"}, {"/factory-reset", "factory-reset"}} {
			before := b.at()
			b.object("POST", c[0], "")
			if _, _, why := b.started(); why != c[1] {
				t.Errorf("booted for %q", why)
			}
			b.soon("it serves again", func() bool {
				b.mu.Lock()
				defer b.mu.Unlock()
				return b.web != before
			})
		}
		if _, ok := b.get("config.json"); ok {
			t.Error("config.json is still there")
		}
	})
}

func TestServerCanBeTurnedOff(t *testing.T) {
	onBoth(t, greenhouse(t), map[string]any{"bench_web": "start", "web": "off"}, func(_ *testing.T, b *appBench) {
		b.until("@off ", with("true"))
	})
}

// raw sends bytes, says that there are no more, and gives all that comes back.
func (b *appBench) raw(came []byte) string {
	b.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(b.at(), "http://"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(appPatience))
	_, _ = c.Write(came)
	_ = c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	return string(answer)
}

var badRequests = []string{
	"", "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "GET /status HTTP/1.1\r\n", "GET http://x/status HTTP/1.1\r\n\r\n",
	"GET /%zz%4 HTTP/1.1\r\nno colon\r\n\r\n", "POST /config HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}", "POST /config HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}",
	"POST /config HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}", "POST /config HTTP/1.1\r\nContent-Length: \xc2\xb2\r\n\r\n{}", "POST /config HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"GET /\xff\xfe HTTP/1.1\r\n\r\n", "GET /reading HTTP/1.1\r\nHost: \x00\r\n\r\nGET /broken HTTP/1.1\r\n\r\n", strings.Repeat("A", 5000), "GET /status HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 1000) + "\r\n", "*", "GET * HTTP/1.1\r\n\r\n",
}

func TestGarbageDoesNotEndTheServer(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		for _, g := range badRequests {
			answer := b.raw([]byte(g))
			if !strings.HasPrefix(answer, "HTTP/1.1 ") || (strings.HasPrefix(answer, "HTTP/1.1 200 ") != strings.Contains(g, "/reading")) {
				t.Errorf("%.60q: %.100q", g, answer)
			}
		}
		b.object("GET", "/status", "")
	})
}

func TestServerIsBounded(t *testing.T) {
	onBoth(t, greenhouse(t), webOn, func(t *testing.T, b *appBench) {
		b.started()
		at := strings.TrimPrefix(b.at(), "http://")
		var told string
		b.soon("the fifth is told", func() bool {
			var held [4]net.Conn // they say nothing, and hold their places for ten seconds
			for i := range held {
				var err error
				if held[i], err = net.Dial("tcp", at); err != nil {
					t.Fatal(err)
				}
				defer held[i].Close()
			}
			if !strings.HasPrefix(b.raw([]byte("GET /status HTTP/1.1\r\n\r\n")), "HTTP/1.1 503 ") {
				return false // which were over: the machine is busy
			}
			_ = held[3].SetDeadline(time.Now().Add(appPatience))
			answer, _ := io.ReadAll(held[3])
			told = string(answer)
			return !strings.HasPrefix(told, "HTTP/1.1 503 ") // the places of the time before were not free yet
		})
		if !strings.HasPrefix(told, "HTTP/1.1 408 ") {
			t.Errorf("who says nothing is told %q", told)
		}
		b.soon("places are free again", func() bool {
			return strings.HasPrefix(b.raw([]byte("GET /status HTTP/1.1\r\n\r\n")), "HTTP/1.1 200 ")
		})
	})
}

// Whatever comes, it is answered in whole HTTP, and the server goes on.
func FuzzBoardWeb(f *testing.F) {
	for _, g := range badRequests {
		f.Add([]byte(g))
	}
	f.Add([]byte("POST /water?by=%41 HTTP/1.1\r\nContent-Length: 13\r\n\r\n{\"seconds\":1}"))
	b := onBoard(f, greenhouse(f), webOn)
	b.started()
	f.Fuzz(func(t *testing.T, came []byte) {
		if bytes.Contains(came, []byte("restart")) || bytes.Contains(came, []byte("reset")) {
			t.Skip()
		}
		b.t = t
		answer := b.raw(came[:min(len(came), 4096)])
		head, body, ok := strings.Cut(answer, "\r\n\r\n")
		if !ok || !strings.Contains(head, fmt.Sprintf("Content-Length: %d\r\n", len(body))) {
			t.Errorf("%q: %q", came, answer)
		}
	})
}
