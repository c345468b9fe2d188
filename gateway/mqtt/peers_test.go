package mqtt

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

// port is where the door listens.
func (h *house) port() int {
	h.t.Helper()
	_, port, _ := net.SplitHostPort(h.listen(h.t))
	n, err := strconv.Atoi(port)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// tool finds mosquitto_pub and mosquitto_sub.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("ROOST_NEED_PEERS") == "1" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// client runs mosquitto_pub or mosquitto_sub to its end.
func client(t *testing.T, port int, name string, args ...string) (said string, err error) {
	t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	out, err := exec.CommandContext(ctx, tool(t, name), append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(port)}, args...)...).CombinedOutput()
	return string(out), err
}

func mustPub(t *testing.T, port int, args ...string) {
	t.Helper()
	if said, err := client(t, port, "mosquitto_pub", args...); err != nil {
		t.Fatalf("mosquitto_pub %q: %v: %s", args, err, said)
	}
}

// watcher is a mosquitto_sub that runs.
type watcher struct {
	t     *testing.T
	lines chan string
	early []string // came before SUBACK, as they may
}

func watchWith(t *testing.T, port int, args ...string) *watcher {
	t.Helper()
	cmd := exec.Command("stdbuf", append([]string{"-oL", tool(t, "mosquitto_sub"), "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-v", "-d", "-q", "1"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, lines: make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for in := bufio.NewScanner(out); in.Scan(); {
			w.lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("mosquitto_sub %q: %s", args, errs.String())
		}
	})
	for l := w.next("Subscribed"); !strings.Contains(l, "Subscribed"); l = w.next("Subscribed") {
		w.early = append(w.early, l)
	}
	return w
}

// want skips lines up to one that holds part.
func (w *watcher) want(part string) {
	w.t.Helper()
	for len(w.early) > 0 {
		l := w.early[0]
		if w.early = w.early[1:]; strings.Contains(l, part) {
			return
		}
	}
	for !strings.Contains(w.next(part), part) { //nolint:revive // next ends the test when nothing comes
	}
}

func (w *watcher) next(hoped string) string {
	w.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	select {
	case l := <-w.lines:
		return l
	case <-ctx.Done():
		w.t.Fatalf("mosquitto_sub never said %q", hoped)
	}
	return ""
}

// TestMosquittosClients runs the examples of docs/protocols/mqtt.md.
func TestMosquittosClients(t *testing.T) {
	for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			h := build(t, registry.EnrolOpen, guarded)
			port := h.port()
			mustPub(t, port, "-V", version, "-q", "1", "-t", "roost/kitchen/readings", "-m", `{"temperature": 21.5, "led": false}`)
			h.has("kitchen", "temperature", "21.5")

			thing := watchWith(t, port, "-V", version, "-t", "roost/kitchen/command", "-i", "kitchen")
			program := watchWith(t, port, "-V", version, "-u", "me", "-P", "viewer", "-t", "roost/+/state/#", "-t", "roost/+/result")
			program.want(`roost/kitchen/state/temperature 21.5`)

			mustPub(t, port, "-V", version, "-q", "1", "-u", "me", "-P", "operator", "-t", "roost/kitchen/set/led", "-m", "true")
			thing.want(`"resource":"led","value":true}`)
			mustPub(t, port, "-V", version, "-q", "2", "-t", "roost/kitchen/readings/led", "-m", "true")
			program.want(`roost/kitchen/state/led true`)
			program.want(`"state":"done","value":true,"by":"token operator"}`)

			if said, err := client(t, port, "mosquitto_pub", "-V", version, "-u", "x", "-P", "wrong", "-t", "a", "-m", "b"); err == nil || !strings.Contains(strings.ToLower(said), "bad user name or password") {
				t.Errorf("a wrong password: %v, %s", err, said)
			}
		})
	}
}

// TestMosquittoBridgesNodesToUs hangs a mosquitto with nodes of its own on our broker,
// as a bridge that has an owner's token.
func TestMosquittoBridgesNodesToUs(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	m := startMosquitto(t, "connection roost", "address 127.0.0.1:"+strconv.Itoa(h.port()), "remote_username me", "remote_password owner",
		"topic node/# out 1", "topic gateway/# in 1", "try_private true", "restart_timeout 1")
	n := m.join("n1")
	n.hear("gateway/n1/#")
	roomtest.Eventually(t, "the bridge is here", func() bool { return h.door.Broker().Stats().Connected > 0 })
	n.say("node/check", `{"id": "n1"}`)
	want(t, n, "gateway/n1/discover", "resources")
	n.say("node/n1/led", `{"value": "0"}`)
	h.has("n1", "led", `"0"`)
	c := h.command("n1", "led", `"1"`)
	want(t, n, "gateway/n1/led/set", "1")
	n.say("node/n1/led", `{"value": "1"}`)
	h.state(c, roost.Done)
}
