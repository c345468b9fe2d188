package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// noNode is a UDP port that nobody serves: played CoAP nodes serve at the ports that
// they speak from, and what runs at 5683 of this machine is no business of the tests.
const noNode = "1"

var binary string // of Roost

func TestMain(m *testing.M) { os.Exit(inFolder(m)) }

// inFolder builds the program, with the race detector, for all tests of this run.
func inFolder(m *testing.M) int {
	if binary = os.Getenv("ROOST_BINARY"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "roost-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "roost")
	build := exec.Command("go", "build", "-race", "-tags", tags, "-o", binary, "github.com/roost-iot/roost/cmd/roost")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build roost: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// screen keeps what a program prints.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// server is a running roost serve.
type server struct {
	t              testing.TB
	data, keys     string
	http, coap     string // HOST:PORT
	mqtt, mqttsn   string // the same
	token          string // of this machine
	process        *exec.Cmd
	out, log       *screen
	ended          chan struct{}
	status         int // once ended
	allowsTroubles bool
}

// start runs roost serve on free loopback ports and waits until it is ready.
func start(t testing.TB, data string, args ...string) *server {
	t.Helper()
	s := launch(t, data, "127.0.0.1:0", "127.0.0.1:0", args...)
	ready := regexp.MustCompile(`ready at http://localhost:(\d+)`)
	eventually(t, "roost is ready", func() bool {
		if s.hasEnded() {
			t.Fatalf("it ended with %d:\n%s%s", s.status, s.out, s.log)
		}
		return ready.MatchString(s.out.String())
	})
	s.http = "127.0.0.1:" + ready.FindStringSubmatch(s.out.String())[1]
	s.token = s.localToken()
	var system struct {
		Listeners []struct{ Name, Address, State string }
	}
	s.call("GET", "/system", nil, &system)
	for _, l := range system.Listeners {
		switch l.Name {
		case "coap":
			s.coap = l.Address
		case "mqtt":
			s.mqtt = l.Address
		case "mqttsn":
			s.mqttsn = l.Address
		}
	}
	return s
}

// launch runs roost serve and does not wait.
func launch(t testing.TB, data, http, coap string, args ...string) *server {
	t.Helper()
	s := &server{t: t, data: data, keys: filepath.Join(filepath.Dir(data), "keys"), out: &screen{}, log: &screen{}, ended: make(chan struct{})}
	if _, err := os.Stat(s.keys); err != nil {
		run(t, "keys", "generate", "--key-file", s.keys)
	}
	args = append([]string{
		"serve", "--data", data, "--http", http, "--coap", coap, "--coap-node-port", noNode, "--mqtt", "127.0.0.1:0", "--mqttsn", "127.0.0.1:0", "--key-file", s.keys,
	}, args...)
	s.process = exec.Command(binary, args...)
	s.process.Dir = filepath.Dir(data)
	s.process.Stdout, s.process.Stderr = s.out, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = s.process.Wait() // the status tells
		s.status = s.process.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		s.kill()
		s.checkLog()
	})
	return s
}

func (s *server) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// checkLog fails the test for whatever a sound program never writes.
func (s *server) checkLog() {
	s.t.Helper()
	for _, bad := range []string{"DATA RACE", "panic", "fatal error", "level=ERROR"} {
		if log := s.log.String(); strings.Contains(log, bad) && (bad != "level=ERROR" || !s.allowsTroubles) {
			at := strings.Index(log, bad)
			s.t.Errorf("%s in the log:\n%s", bad, log[max(0, at-500):min(len(log), at+3000)])
		}
	}
}

// kill ends the program as a power cut would.
func (s *server) kill() {
	if !s.hasEnded() {
		_ = s.process.Process.Kill()
	}
	<-s.ended
}

// terminate asks the program to end and gives its status and how long it took.
func (s *server) terminate() (int, time.Duration) {
	s.t.Helper()
	began := time.Now()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("SIGTERM does not end it:\n%s", s.log)
	}
	return s.status, time.Since(began)
}

// run runs one command of roost to its end.
func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := tryRun(t, args...)
	if err != nil {
		t.Fatalf("roost %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryRun(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// peerProgram gives the path of a program of somebody else.
func peerProgram(t testing.TB, program, pack string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("ROOST_NEED_PEERS") == "1" {
		t.Fatalf("%s is not installed (Debian: %s)", program, pack)
	}
	t.Skipf("skipped: %s is not installed (Debian: %s)", program, pack)
	return ""
}
