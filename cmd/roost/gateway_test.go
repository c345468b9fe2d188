package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// outpostOf runs roost gateway for a hub; its doors are on ports of the system's choice.
func outpostOf(t *testing.T, hub, keys string, args ...string) *server {
	t.Helper()
	s := &server{data: t.TempDir(), out: newScreen(), err: newScreen()}
	ctx, cancel := context.WithCancel(context.Background())
	status := make(chan int, 1)
	args = append([]string{
		"gateway", "--hub", hub, "--key-file", keys, "--data", filepath.Join(s.data, "far"), "--name", "attic",
		"--coap", "127.0.0.1:0", "--coap-node-port", noNode, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--mqttsn", "127.0.0.1:0",
	}, args...)
	go func() { status <- run(ctx, args, console{out: s.out, err: s.err}) }()
	s.stop = sync.OnceValue(func() int { cancel(); return <-status })
	t.Cleanup(func() { s.stop() })
	return s
}

// farPlay runs simulated things until the test ends.
func farPlay(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var player sync.WaitGroup
	t.Cleanup(func() { cancel(); player.Wait() })
	player.Go(func() { run(ctx, append([]string{"sim"}, args...), console{out: io.Discard, err: io.Discard}) })
}

// TestFarThingsOfAllDoors: a reading and a command through each door of a far gateway.
func TestFarThingsOfAllDoors(t *testing.T) {
	keys := keyFile(t)
	hub := serve(t, t.TempDir(), "--key-file", keys)
	far := outpostOf(t, "ws"+strings.TrimPrefix(hub.url, "http"), keys)
	for door, at := range map[string]string{"coap": "coap", "ws": "http", "mqtt": "mqtt", "mqttsn": "mqttsn"} {
		to := far.out.await(t, `(?m)^  `+at+` +(\S+)$`)[1]
		farPlay(t, door, "--to", to, "--led", "--temperature", "--uid", door+"-far-")
	}
	for _, door := range gatewayDoors {
		thing := awaitThing(t, hub, door+"-far-")
		shown := get(t, hub, "/things/"+thing)
		if !strings.Contains(shown, `"gateway":"attic"`) || !strings.Contains(shown, `"state":"enrolled"`) {
			t.Errorf("%s: %s", door, shown)
		}
		if door == "mqttsn" {
			continue // its sim subscribes to nothing, as RIOT's firmware
		}
		status, out, errs := cli(t, "thing", "set", thing, "led", "1", "--data", hub.data)
		if status != 0 || !strings.Contains(out, "done") {
			t.Errorf("%s: %s%s\n%s", door, out, errs, far.err)
		}
	}
	resp, err := http.Get("http://" + far.out.await(t, `(?m)^  http +(\S+)$`)[1] + "/status")
	if err != nil {
		t.Fatal(err)
	}
	status, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	for _, part := range []string{`"kind":"roost"`, `"connected":true`, `"things":4`, `"dropped":0`} {
		if !strings.Contains(string(status), part) {
			t.Errorf("status lacks %s: %s", part, status)
		}
	}
	list := get(t, hub, "/gateways")
	for _, part := range []string{`"name":"attic"`, `"kind":"roost"`, `"connected":true`, `"things":4`, `"doors":["coap","mqtt","mqttsn","ws"]`} {
		if !strings.Contains(list, part) {
			t.Errorf("gateways lack %s: %s", part, list)
		}
	}
	if status := far.stop(); status != 0 || strings.Contains(far.err.String(), "level=ERROR") {
		t.Errorf("it ended with %d:\n%s", status, far.err)
	}
	for range 2 { // at once, or after the grace
		if strings.Contains(get(t, hub, "/gateways"), `"connected":false`) {
			return
		}
		hub.err.await(t, `gateway gone`)
	}
}

// TestGatewayFindsOutWhatItsHubIs: a hub without /relay is a Pyaiot broker.
func TestGatewayFindsOutWhatItsHubIs(t *testing.T) {
	keys := keyFile(t)
	hub := serve(t, t.TempDir(), "--key-file", keys)
	behind, err := url.Parse(hub.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/gw" { // all that a Pyaiot broker has for gateways
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	far := outpostOf(t, front.URL, keys, "--doors", "ws")
	farPlay(t, "ws", "--to", far.out.await(t, `(?m)^  http +(\S+)$`)[1], "--led", "--uid", "w-")
	thing := awaitThing(t, hub, "w-")
	if status, out, errs := cli(t, "thing", "set", thing, "led", "1", "--data", hub.data); status != 0 || !strings.Contains(out, "done") {
		t.Errorf("%s%s", out, errs)
	}
	if list := get(t, hub, "/gateways"); !strings.Contains(list, `"kind":"pyaiot"`) {
		t.Errorf("%s", list)
	}
	kind, err := os.ReadFile(filepath.Join(far.data, "far", kindFile))
	if err != nil || strings.TrimSpace(string(kind)) != hubPyaiot+" "+front.URL {
		t.Errorf("remembered: %q %v", kind, err)
	}
	if status := far.stop(); status != 0 {
		t.Errorf("it ended with %d:\n%s", status, far.err)
	}
}

// TestHubThatComesLaterAndIsAPyaiotBroker: taken for a Roost until it answers.
func TestHubThatComesLaterAndIsAPyaiotBroker(t *testing.T) {
	keys := keyFile(t)
	var there atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			http.Error(w, "not yet", http.StatusBadGateway)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(front.Close)
	far := outpostOf(t, front.URL, keys, "--doors", "ws")
	far.err.await(t, `502`)
	there.Store(true)
	far.err.await(t, `speaking to it as to a Pyaiot broker`)
	if status := far.stop(); status != 0 {
		t.Errorf("it ended with %d:\n%s", status, far.err)
	}
}

func TestEveryFaultOfTheGatewayIsToldAtOnce(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(bad, []byte("[keys]\nsecret = abc\nprivate = short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs := cli(t, "gateway", "--hub", "ftp://hub", "--hub-kind", "other", "--key-file", bad, "--pyaiot-auth", "0.2",
		"--doors", "coap,lora", "--coap", "5683", "--http", ":many", "--presence", "soon", "--spool-size", "little", "--durability", "never",
		"--mqtt-broker", "http://x", "--log-level", "loud", "--data", "")
	if status != 1 {
		t.Errorf("status %d", status)
	}
	for _, part := range []string{
		"--hub: ", "--hub-kind: ", "--key-file: " + bad + ": read key file: private must be 32 bytes", "--pyaiot-auth: ", `--doors: "lora"`,
		"--coap: ", "--http: ", "--presence: ", "--spool-size: ", "--durability: ", "--mqtt-broker: ", "--log-level: ", "--data: ",
	} {
		if !strings.Contains(errs, part) {
			t.Errorf("it does not tell of %s:\n%s", part, errs)
		}
	}
	missing := filepath.Join(t.TempDir(), "none")
	status, _, errs = cli(t, "gateway", "--hub", "hub:8080", "--key-file", missing)
	if status == 0 || !regexp.MustCompile(`--key-file: .*`+regexp.QuoteMeta(missing)).MatchString(errs) {
		t.Errorf("missing key file: %d %s", status, errs)
	}
	if status, _, errs = cli(t, "gateway"); status == 0 || !strings.Contains(errs, "--hub") {
		t.Errorf("without a hub: %d %s", status, errs)
	}
}

// TestWrongKeyIsSaidAndTriedAgain: the hub may get the key later.
func TestWrongKeyIsSaidAndTriedAgain(t *testing.T) {
	hub := serve(t, t.TempDir())
	for _, kind := range []string{hubRoost, hubPyaiot} {
		far := outpostOf(t, hub.url, keyFile(t), "--doors", "ws", "--hub-kind", kind)
		far.err.await(t, `401`)
		if status := far.stop(); status != 0 {
			t.Errorf("%s: it ended with %d:\n%s", kind, status, far.err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1MB": 1 << 20, "2 gb": 2 << 30, "1048576": 1 << 20, "4096KB": 4 << 20, "": 0, "5": 0, "xMB": 0, "-1GB": 0} {
		var n int64
		if err := checkSize("spool-size", text, &n); n != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d %v", text, n, err)
		}
	}
}

// TestHubThatWasARoostStaysOne: a proxy that says 404 while its Roost is away makes no
// Pyaiot broker of it, for which nothing would be kept.
func TestHubThatWasARoostStaysOne(t *testing.T) {
	proxy := httptest.NewServer(http.NotFoundHandler())
	defer proxy.Close()
	log := slog.New(slog.DiscardHandler)
	s := gatewaySettings{gatewayCmd: gatewayCmd{Hub: proxy.URL, Data: t.TempDir()}}
	s.remember(hubRoost, log)
	if kind := s.ask(t.Context(), log); kind != hubRoost {
		t.Errorf("it is taken for %s", kind)
	}
	other := gatewaySettings{gatewayCmd: gatewayCmd{Hub: proxy.URL + "/", Data: s.Data}}
	if kind := other.ask(t.Context(), log); kind != hubPyaiot {
		t.Errorf("another hub is taken for %s", kind)
	}
}
