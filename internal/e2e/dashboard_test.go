package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// called runs Roost as one of Pyaiot's programs: by a link of its name, in a home of
// its own, with the variables of a unit file.
func called(t testing.TB, home, name string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(home, name)
	if _, err := os.Lstat(path); err != nil {
		if err := os.Symlink(binary, path); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), append([]string{"HOME=" + home, "TMPDIR=" + home}, env...)...)
	return cmd
}

// ends runs a program that ends by itself, and gives what it printed.
func ends(t testing.TB, cmd *exec.Cmd) (out string, err error) {
	t.Helper()
	var printed screen
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() {
		t.Errorf("%s does not end", cmd.Path)
		_ = cmd.Process.Kill()
	})
	defer late.Stop()
	err = cmd.Wait()
	return printed.String(), err
}

// running starts one of Pyaiot's programs that serves, and waits until it does.
func running(t testing.TB, home, name string, env []string, args ...string) *server {
	t.Helper()
	s := &server{t: t, keys: filepath.Join(home, ".pyaiot", "keys"), out: &screen{}, log: &screen{}, ended: make(chan struct{})}
	s.process = called(t, home, name, env, args...)
	s.process.Stdout, s.process.Stderr = s.out, s.log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = s.process.Wait() // the status tells
		s.status = s.process.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { s.kill(); s.checkLog() })
	ready := regexp.MustCompile(`(?m)ready at http://localhost:(\d+)|^  http +\S*:(\d+)$`)
	eventually(t, name+" is ready", func() bool {
		if s.hasEnded() {
			t.Fatalf("%s ended with %d:\n%s%s", name, s.status, s.out, s.log)
		}
		return ready.MatchString(s.out.String())
	})
	port := ready.FindStringSubmatch(s.out.String())
	s.http = "127.0.0.1:" + port[1] + port[2]
	return s
}

// TestPyaiotsProgramsAreSwappedByTheirNames runs broker, gateway and page as unit files
// of Pyaiot's would, with a gateway, a node and a page that the test plays.
func TestPyaiotsProgramsAreSwappedByTheirNames(t *testing.T) {
	home := t.TempDir()
	if out, err := ends(t, called(t, home, "aiot-generate-keys", nil)); err != nil {
		t.Fatalf("aiot-generate-keys: %v %s", err, out)
	}
	broker := running(t, home, "aiot-broker", []string{"BROKER_PORT=0"}, "--debug")
	gw, page := broker.gateway(), broker.page("") // nobody asks pages for anything, as with Pyaiot
	gw.write(`{"type": "new", "uid": "m3-7", "dst": "all"}`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "protocol", "data": "CoAP", "dst": "all"}`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "led", "data": "0", "dst": "all"}`)
	page.until(`"uid": "m3-7"`, `"led"`, `"0"`)

	_, port, _ := strings.Cut(broker.http, ":")
	dash := running(t, home, "aiot-dashboard", []string{"BROKER_PORT=" + port, "HTTP_PORT=0", "APP_TITLE=Lab", "STATIC_PATH="}, "--broker-host=127.0.0.1")
	dash.awaitValue("m3-7", "led", `"0"`)
	c := dash.send("m3-7", "led", "1")
	gw.until(`"uid": "m3-7"`, `"led"`, `"1"`)
	gw.write(`{"type": "update", "uid": "m3-7", "endpoint": "led", "data": "1", "dst": "all"}`)
	dash.awaitCommand(c.ID, "done")
	page.until(`"led"`, `"data": "1"`)
	var site struct{ Title, Kind, SignIn string }
	dash.call("GET", "/site", nil, &site)
	if site.Title != "Lab" || site.Kind != "dashboard" || site.SignIn != "none" {
		t.Errorf("the page shows itself as %+v", site)
	}

	far := running(t, home, "aiot-ws-gateway", []string{"BROKER_HOST=127.0.0.1", "BROKER_PORT=" + port, "GATEWAY_PORT=0"})
	far.node("attic")
	dash.awaitValue("attic", "led", `"0"`)
	dash.confirm("attic", "led", "1")
	page.until(`"uid": "attic"`, `"led"`, `"data": "1"`)
	if status, _ := far.terminate(); status != 0 {
		t.Errorf("the gateway ended with %d:\n%s", status, far.log)
	}

	if status, _ := broker.terminate(); status != 0 {
		t.Errorf("the broker ended with %d:\n%s", status, broker.log)
	}
	eventually(t, "the page shows the thing offline", func() bool { h, ok := dash.thing("m3-7"); return ok && !h.Online })
	if status, _ := dash.terminate(); status != 0 {
		t.Errorf("the page ended with %d:\n%s", status, dash.log)
	}
	left, err := filepath.Glob(filepath.Join(home, "roost-dashboard-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("the page leaves %v (%v)", left, err)
	}
}

func TestPyaiotsProgramsSayWhatIsWrong(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "bad.py"), []byte("\nimport os\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"aiot-broker", nil, "aiot-generate-keys"},
		{"aiot-dashboard", []string{"--config=bad.py"}, "bad.py: line 2: "},
		{"aiot-coap-gateway", []string{"--nope=1"}, "--nope"},
	} {
		out, err := ends(t, called(t, home, c.name, nil, c.args...))
		if err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%s %v: %v, nothing of %q in %s", c.name, c.args, err, c.says, out)
		}
	}
}
