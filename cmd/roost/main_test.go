package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is a console that tests can read while a command writes.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan struct{}
}

func newScreen() *screen { return &screen{line: make(chan struct{}, 1)} }

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.line <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the screen shows what re matches.
func (s *screen) await(t *testing.T, re string) []string {
	t.Helper()
	expr := regexp.MustCompile(re)
	late := time.After(time.Minute)
	for {
		if m := expr.FindStringSubmatch(s.String()); m != nil {
			return m
		}
		select {
		case <-s.line:
		case <-late:
			t.Fatalf("never saw %s in:\n%s", re, s)
		}
	}
}

// cli runs one command to its end.
func cli(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	o, e := newScreen(), newScreen()
	status = run(t.Context(), args, console{out: o, err: e, in: strings.NewReader("correct horse battery\n")})
	return status, o.String(), e.String()
}

// server is a running roost serve.
type server struct {
	url, data string
	out, err  *screen
	stop      func() int
}

// noNode is a UDP port that nobody serves: played CoAP nodes serve at the ports that
// they speak from, and what runs at 5683 of this machine is no business of the tests.
const noNode = "1"

func serve(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := &server{data: data, out: newScreen(), err: newScreen()}
	ctx, cancel := context.WithCancel(context.Background())
	status := make(chan int, 1)
	args = append([]string{
		"serve", "--data", data, "--http", "127.0.0.1:0", "--coap", "127.0.0.1:0", "--coap-node-port", noNode, "--mqtt", "127.0.0.1:0", "--mqttsn", "127.0.0.1:0", "--key-file", keyFile(t),
	}, args...)
	go func() { status <- run(ctx, args, console{out: s.out, err: s.err}) }()
	s.stop = sync.OnceValue(func() int { cancel(); return <-status })
	t.Cleanup(func() { s.stop() })
	s.url = strings.Replace(s.out.await(t, `ready at (http://\S+)`)[1], "localhost", "127.0.0.1", 1)
	return s
}

func keyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if status, _, errs := cli(t, "keys", "generate", "--key-file", path); status != 0 {
		t.Fatal(errs)
	}
	return path
}

func TestServeFromEmptyFolderToStoppedCleanly(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, data)
	link := s.out.await(t, `(http://\S+)/setup#(\S+)`)
	body, _ := json.Marshal(map[string]string{"token": link[2], "name": "anna", "password": "correct horse battery"})
	for i, want := range []int{200, 403} {
		res, err := http.Post(s.url+"/api/v2/setup", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("set-up number %d: %s %s", i+1, res.Status, text)
		}
	}
	if info, err := os.Stat(localFile(data)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the local token: %v, %v", info, err)
	}
	if status := s.stop(); status != 0 {
		t.Fatalf("it ended with %d:\n%s", status, s.err)
	}
	if strings.Contains(s.err.String(), "level=ERROR") {
		t.Errorf("errors in the log:\n%s", s.err)
	}
	again := serve(t, data)
	if strings.Contains(again.out.String(), "/setup#") {
		t.Error("the second start asks for set-up again")
	}
}

func TestEveryFaultOfTheConfigurationIsToldAtOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r.toml")
	if err := os.WriteFile(file, []byte("presence = \"later\"\nenrol = \"maybe\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROOST_LOG_LEVEL", "loud")
	status, _, errs := cli(t, "serve", "--config", file, "--http", "nowhere", "--coap", ":70000", "--durability", "never", "--data", dir)
	if status == 0 {
		t.Fatal("it started")
	}
	for _, want := range []string{"--http", "--coap", "--enrol", "--presence", "--log-level", "--durability"} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing is said of %s in:\n%s", want, errs)
		}
	}
}

func TestCoAPTakesOneAddress(t *testing.T) {
	status, _, errs := cli(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--mqtt", "off", "--mqttsn", "off", "--coap", "127.0.0.1:0,[::1]:0", "--key-file", keyFile(t))
	if status == 0 || !strings.Contains(errs, `--coap: "127.0.0.1:0,[::1]:0" are several addresses, and it takes one`) {
		t.Errorf("%d: %s", status, errs)
	}
}

func TestUnknownKeysOfTheFileAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.toml")
	if err := os.WriteFile(file, []byte("htp = \":1\"\n[mqtt]\nport = 1\n[mqqt]\nport = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs := cli(t, "serve", "--config", file)
	if status == 0 || !strings.Contains(errs, `unknown key "htp"`) || !strings.Contains(errs, `unknown key "mqqt"`) || !strings.Contains(errs, "[mqtt] is a table") {
		t.Errorf("status %d:\n%s", status, errs)
	}
	if status, _, errs := cli(t, "serve", "--config", file+".missing"); status == 0 || !strings.Contains(errs, "--config") {
		t.Errorf("missing file: status %d:\n%s", status, errs)
	}
}

func TestCommandLineWinsOverEnvironmentOverFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.toml")
	if err := os.WriteFile(file, []byte("enrol = \"filed\"\npresence = \"filed\"\ndurability = \"filed\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROOST_PRESENCE", "envied")
	t.Setenv("ROOST_DURABILITY", "envied")
	_, _, errs := cli(t, "serve", "--config", file, "--durability", "typed")
	for flag, want := range map[string]string{"enrol": "filed", "presence": "envied", "durability": "typed"} {
		if !strings.Contains(errs, `--`+flag+`: "`+want+`"`) {
			t.Errorf("--%s is not %q in:\n%s", flag, want, errs)
		}
	}
}

func TestTakenPortsNameTheirFlags(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	status, _, errs := cli(t, "serve", "--data", t.TempDir(), "--http", tcp.Addr().String(), "--coap", udp.LocalAddr().String(), "--mqtt", "off", "--mqttsn", "off")
	if status == 0 || !strings.Contains(errs, "--http "+tcp.Addr().String()+": another program uses this port") ||
		!strings.Contains(errs, "--coap "+udp.LocalAddr().String()+": another program uses this port") {
		t.Errorf("status %d:\n%s", status, errs)
	}
}

func TestSecondServerAtTheSameCoAPPortIsRefused(t *testing.T) {
	port := addressOf(t, serve(t, t.TempDir()), "coap")
	status, _, errs := cli(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--mqtt", "off", "--mqttsn", "off", "--coap", port)
	if status == 0 || !strings.Contains(errs, "--coap "+port+": another program uses this port") {
		t.Errorf("status %d:\n%s", status, errs)
	}
}

func TestDataFolderInUseOrOfNoUse(t *testing.T) {
	data := t.TempDir()
	serve(t, data)
	status, _, errs := cli(t, "serve", "--data", data, "--http", "127.0.0.1:0", "--coap", "off", "--mqtt", "off", "--mqttsn", "off", "--key-file", keyFile(t))
	if status == 0 || !strings.Contains(errs, "--data") || !strings.Contains(errs, "in use") {
		t.Errorf("second server: status %d:\n%s", status, errs)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs = cli(t, "serve", "--data", file, "--http", "127.0.0.1:0", "--coap", "off", "--mqtt", "off", "--mqttsn", "off")
	if status == 0 || !strings.Contains(errs, "--data "+file) {
		t.Errorf("a file for a folder: status %d:\n%s", status, errs)
	}
}

func TestKeyFileThatIsNamedMustBeSound(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(bad, []byte("[keys]\nsecret = x\nprivate = short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{bad, bad + ".missing"} {
		status, _, errs := cli(t, "serve", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--coap", "off", "--mqtt", "off", "--mqttsn", "off", "--key-file", path)
		if status == 0 || !strings.Contains(errs, "--key-file") {
			t.Errorf("%s: status %d:\n%s", path, status, errs)
		}
	}
}

func TestKeysAreNotReplacedUnasked(t *testing.T) {
	path := keyFile(t)
	before, _ := os.ReadFile(path)
	if status, _, errs := cli(t, "keys", "generate", "--key-file", path); status == 0 || !strings.Contains(errs, "--force") {
		t.Errorf("status %d: %s", status, errs)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file changed")
	}
}

func TestCommandLineOfTheSameMachine(t *testing.T) {
	s := serve(t, t.TempDir())
	at := func(args ...string) (string, string) {
		t.Helper()
		status, out, errs := cli(t, append(args, "--data", s.data)...)
		if status != 0 {
			return out, errs
		}
		return out, ""
	}
	if out, errs := at("thing", "ls"); errs != "" || !strings.Contains(out, "No things") {
		t.Errorf("empty list: %q %q", out, errs)
	}
	if _, errs := at("user", "add", "bert", "--role", "operator"); errs != "Password: " && errs != "" {
		t.Errorf("add a person: %q", errs)
	}
	if out, errs := at("user", "ls"); errs != "" || !regexp.MustCompile(`bert\s+operator`).MatchString(out) {
		t.Errorf("people: %q %q", out, errs)
	}
	if out, errs := at("token", "new", "grafana"); errs != "" || !strings.HasPrefix(out, "rst_") {
		t.Errorf("new token: %q %q", out, errs)
	}
	if _, errs := at("token", "rm", "grafana"); errs != "" {
		t.Errorf("remove a token: %q", errs)
	}
	if _, errs := at("thing", "set", "nobody", "led", "1"); !strings.Contains(errs, `no thing "nobody"`) {
		t.Errorf("set of an unknown thing: %q", errs)
	}
	if _, errs := at("user", "rm", "bert"); errs != "" {
		t.Errorf("remove a person: %q", errs)
	}
	if status, _, errs := cli(t, "thing", "ls", "--data", t.TempDir()); status == 0 || !strings.Contains(errs, "--server") {
		t.Errorf("without a server: %q", errs)
	}
}

func TestSimulatedThingsOverBothDoors(t *testing.T) {
	s := serve(t, t.TempDir(), "--enrol", "open")
	ctx, cancel := context.WithCancel(t.Context())
	var players sync.WaitGroup
	defer players.Wait()
	defer cancel()
	coapAt := regexp.MustCompile(`"coap","address":"([^"]+)"`).FindStringSubmatch(get(t, s, "/system"))[1]
	for _, args := range [][]string{
		{"sim", "coap", "--to", coapAt, "--led", "--temperature", "--uid", "c-"},
		{"sim", "ws", "--to", strings.TrimPrefix(s.url, "http://"), "--led", "--uid", "w-"},
	} {
		players.Go(func() { run(ctx, args, console{out: io.Discard, err: io.Discard}) })
	}
	for _, id := range []string{"c-", "w-"} {
		thing := awaitThing(t, s, id)
		status, out, errs := cli(t, "thing", "set", thing, "led", "1", "--data", s.data)
		if status != 0 || !strings.Contains(out, "done") {
			t.Errorf("%s: %s%s", thing, out, errs)
		}
	}
}

// get asks the API as this machine's command line.
func get(t *testing.T, s *server, path string) string {
	t.Helper()
	c, err := remote{Data: s.data}.client()
	if err != nil {
		t.Fatal(err)
	}
	var raw json.RawMessage
	if err := c.call(t.Context(), "GET", path, nil, &raw); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// awaitThing gives the id of the first thing that begins with prefix and has an LED.
func awaitThing(t *testing.T, s *server, prefix string) string {
	t.Helper()
	expr := regexp.MustCompile(`"id":"(` + prefix + `[^"]*)"`)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if m := expr.FindStringSubmatch(get(t, s, "/things?q="+prefix)); m != nil {
			if strings.Contains(get(t, s, "/things/"+m[1]), `"led"`) {
				return m[1]
			}
		}
	}
	t.Fatalf("no thing %s… with an LED came; the log:\n%s", prefix, s.err)
	return ""
}

func TestFileFaultsAreToldWithTheOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.toml")
	if err := os.WriteFile(file, []byte("htp = \":1\"\nenrol = \"maybe\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ROOST_CONFIG", file)
	_, _, errs := cli(t, "serve", "--durability", "never")
	for _, want := range []string{`unknown key "htp"`, "--enrol", "--durability"} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing is said of %s in:\n%s", want, errs)
		}
	}
	if status, _, errs := cli(t, "version"); status != 0 {
		t.Errorf("a command that reads no file fails by it: %s", errs)
	}
}

func TestDemoTakesAFreePortWhereTheUsualOneIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	usual := taken.Addr().String()
	var out strings.Builder
	if got := freed(t.Context(), &out, "tcp", "MQTT", usual, usual); got != "127.0.0.1:0" || !strings.Contains(out.String(), usual) {
		t.Errorf("%s, and it said %q", got, out.String())
	}
	out.Reset()
	if got := freed(t.Context(), &out, "tcp", "MQTT", "127.0.0.1:1", usual); got != usual || out.Len() > 0 {
		t.Errorf("an address that somebody asked for became %s; it said %q", got, out.String())
	}
}
