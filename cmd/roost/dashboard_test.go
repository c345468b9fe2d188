package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// dashboardOf runs roost dashboard for the things of a broker at an address.
func dashboardOf(t *testing.T, broker string, args ...string) *server {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	host, port, _ := strings.Cut(strings.TrimPrefix(broker, "http://"), ":")
	s := &server{out: newScreen(), err: newScreen()}
	ctx, cancel := context.WithCancel(context.Background())
	status := make(chan int, 1)
	args = append([]string{"dashboard", "--broker-host", host, "--broker-port", port, "--http", "127.0.0.1:0"}, args...)
	go func() { status <- run(ctx, args, console{out: s.out, err: s.err}) }()
	s.stop = sync.OnceValue(func() int { cancel(); return <-status })
	t.Cleanup(func() { s.stop() })
	s.url = strings.Replace(s.out.await(t, `ready at (http://\S+)`)[1], "localhost", "127.0.0.1", 1)
	return s
}

// visitor is a browser with its cookies.
type visitor struct {
	t   *testing.T
	url string
	*http.Client
}

func (s *server) visitor(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := visitor{t, s.url, &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{}}}
	t.Cleanup(v.CloseIdleConnections)
	return v
}

// do sends and gives status and body.
func (v visitor) do(method, path, body string) (int, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := v.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// await asks until the answer holds part.
func (v visitor) await(path, part string) string {
	v.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, body := v.do("GET", path, ""); strings.Contains(body, part) {
			return body
		} else if time.Now().After(end) {
			v.t.Fatalf("%s never says %s, but %s", path, part, body)
		}
	}
}

// brokerWithANode runs a Roost as a broker that lets pages in, with one WebSocket node.
func brokerWithANode(t *testing.T) *server {
	t.Helper()
	s := serve(t, t.TempDir(), "--enrol", "open", "--pyaiot-clients", "open", "--mqtt", "off", "--mqttsn", "off")
	ctx, cancel := context.WithCancel(t.Context())
	var player sync.WaitGroup
	t.Cleanup(func() { cancel(); player.Wait() })
	player.Go(func() {
		run(ctx, []string{"sim", "ws", "--to", strings.TrimPrefix(s.url, "http://"), "--led", "--temperature", "--uid", "w-"}, console{out: io.Discard, err: io.Discard})
	})
	awaitThing(t, s, "w-")
	return s
}

func TestDashboardShowsAndControlsABrokersThings(t *testing.T) {
	broker := brokerWithANode(t)
	page := dashboardOf(t, broker.url, "--title", "Lab", "--camera-url", "http://192.0.2.9/mjpg")
	v := page.visitor(t)
	list := v.await("/api/v2/things", `"name":"led","value"`)
	var things struct {
		Things []struct{ ID, State, Protocol string }
	}
	if err := json.Unmarshal([]byte(list), &things); err != nil || len(things.Things) != 1 || things.Things[0].State != "enrolled" {
		t.Fatalf("it shows %s (%v)", list, err)
	}
	id := things.Things[0].ID
	v.await("/api/v2/things/"+id, `"protocol":"WebSocket"`)
	status, sent := v.do("POST", "/api/v2/things/"+id+"/commands", `{"resource":"led","value":"1"}`)
	var c struct{ ID string }
	if err := json.Unmarshal([]byte(sent), &c); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s", status, sent)
	}
	v.await("/api/v2/commands/"+c.ID, `"state":"done"`)
	if got := get(t, broker, "/things/"+id); !strings.Contains(got, `"name":"led","value":"1"`) {
		t.Errorf("at the broker it is %s", got)
	}
	_, site := v.do("GET", "/api/v2/site", "")
	for _, part := range []string{`"title":"Lab"`, `"kind":"dashboard"`, `"signIn":"none"`, `"cameraUrl":"http://192.0.2.9/mjpg"`, `"coap":""`} {
		if !strings.Contains(site, part) {
			t.Errorf("the site lacks %s: %s", part, site)
		}
	}
	v.await("/api/v2/system", `"name":"broker","address":"ws://`)
	for _, path := range []string{"/node", "/gw", "/ws"} { // there are no doors for things
		if status, body := v.do("GET", path, ""); status == http.StatusSwitchingProtocols || !strings.Contains(body, "<html") {
			t.Errorf("%s: %d %.80s", path, status, body)
		}
	}
	broker.stop()
	v.await("/api/v2/things/"+id, `"online":false`)
	v.await("/api/v2/system", `"state":"failed"`)
	if status := page.stop(); status != 0 || strings.Contains(page.err.String(), "level=ERROR") {
		t.Errorf("it ended with %d:\n%s", status, page.err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v (%v)", left, err)
	}
}

func TestDashboardWithoutAPasswordIsForThisMachine(t *testing.T) {
	page := dashboardOf(t, "127.0.0.1:1")
	v := page.visitor(t)
	if status, body := v.do("GET", "/api/v2/session", ""); status != 200 || !strings.Contains(body, `"role":"operator"`) {
		t.Errorf("at home: %d %s", status, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", page.url+"/api/v2/session", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example.org"
	res, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("by a name from elsewhere: %s", res.Status)
	}
	for _, at := range []string{":0", "0.0.0.0:0", "192.0.2.1:80", "[::]:0"} {
		if status, _, errs := cli(t, "dashboard", "--http", at); status == 0 || !strings.Contains(errs, "--password") {
			t.Errorf("%s: %d %s", at, status, errs)
		}
	}
}

func TestDashboardWithAPassword(t *testing.T) {
	page := dashboardOf(t, "127.0.0.1:1", "--password", "correct horse battery")
	v := page.visitor(t)
	if status, body := v.do("GET", "/api/v2/site", ""); status != 200 || !strings.Contains(body, `"signIn":"password"`) {
		t.Errorf("the site: %d %s", status, body)
	}
	if status, _ := v.do("GET", "/api/v2/things", ""); status != http.StatusUnauthorized {
		t.Errorf("without signing in: %d", status)
	}
	if status, _ := v.do("POST", "/api/v2/session", `{"password":"wrong"}`); status != http.StatusUnauthorized {
		t.Errorf("with a wrong password: %d", status)
	}
	if status, body := v.do("POST", "/api/v2/session", `{"password":"correct horse battery"}`); status != 200 || !strings.Contains(body, "operator") {
		t.Errorf("with the password: %d %s", status, body)
	}
	if status, _ := v.do("GET", "/api/v2/things", ""); status != 200 {
		t.Errorf("signed in: %d", status)
	}
	if status, _, errs := cli(t, "dashboard", "--http", "127.0.0.1:0", "--password", "short"); status == 0 || !strings.Contains(errs, "--password: ") || !strings.Contains(errs, "at least 10") {
		t.Errorf("a short password: %d %s", status, errs)
	}
}

func TestDashboardServesPicturesFromFiles(t *testing.T) {
	dir := t.TempDir()
	logo := filepath.Join(dir, "Our Logo.PNG")
	if err := os.WriteFile(logo, []byte("a picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	page := dashboardOf(t, "127.0.0.1:1", "--logo", logo, "--favicon", "https://pictures.example.org/f.ico", "--map-tiles", "off")
	v := page.visitor(t)
	if _, site := v.do("GET", "/api/v2/site", ""); !strings.Contains(site, `"logo":"/site/logo.png","favicon":"https://pictures.example.org/f.ico"`) || !strings.Contains(site, `"mapTiles":""`) {
		t.Errorf("the site is %s", site)
	}
	if status, body := v.do("GET", "/site/logo.png", ""); status != 200 || body != "a picture" {
		t.Errorf("the logo: %d %s", status, body)
	}
}

func TestEveryFaultOfTheDashboardIsToldAtOnce(t *testing.T) {
	status, _, errs := cli(t, "dashboard", "--http", "here", "--broker-port", "many", "--broker-host", "a/b", "--logo", "missing.png",
		"--camera-url", "ftp://x", "--public-url", "x", "--map-tiles", "https://x/{z}", "--log-level", "loud", "--password", "x", "--public")
	for _, want := range []string{"--http", "--broker-port", "--broker-host", "--logo", "--camera-url", "--public-url", "--map-tiles", "--log-level", "--public"} {
		if status == 0 || !strings.Contains(errs, want) {
			t.Errorf("status %d, nothing of %s in:\n%s", status, want, errs)
		}
	}
}

func TestDashboardTakesTheVariablesOfUnitFiles(t *testing.T) {
	for name, value := range map[string]string{
		"BROKER_HOST": "hub.example", "BROKER_PORT": "8082", "BROKER_SSL": "True", "HTTP_PORT": "8090", "APP_TITLE": "", "DASHBOARD_TITLE": "Lab",
	} {
		t.Setenv(name, value)
	}
	set, err := dashboardCmd{LogLevel: "info", MapTiles: "off"}.check()
	if got := fmt.Sprint(set.brokerURL(), " ", set.HTTP, " ", set.site.Title, " ", err); got != "wss://hub.example:8082/ws 127.0.0.1:8090 Lab <nil>" {
		t.Errorf("it is %s", got)
	}
	set, err = dashboardCmd{LogLevel: "info", MapTiles: "off", Public: true, BrokerHost: "fd00::1", BrokerPort: "1", Title: "T"}.check()
	if got := fmt.Sprint(set.brokerURL(), " ", set.HTTP, " ", set.site.Title, " ", err); got != "wss://[fd00::1]:1/ws :8090 T <nil>" {
		t.Errorf("with flags it is %s", got)
	}
	t.Setenv("BROKER_PORT", "")
	set, _ = dashboardCmd{LogLevel: "info", MapTiles: "off"}.check()
	if got := set.brokerURL(); got != "wss://hub.example/ws" {
		t.Errorf("with an empty port it is %s", got)
	}
}
