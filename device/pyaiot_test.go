package device_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/ws"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

// nodeID is what the thing is called there.
const nodeID = "28CDC1001A2B"

// nodeDoors are Roost's doors for nodes of Pyaiot, over the real rooms.
type nodeDoors struct {
	*roomtest.Rooms
	t                *testing.T
	coap, mqtt, node string // addresses
}

func openNodeDoors(t *testing.T) *nodeDoors {
	t.Helper()
	d := &nodeDoors{Rooms: roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolOpen}}), t: t}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	conn, err := coap.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // at 5683 somebody else may be
	if err != nil {
		t.Fatal(err)
	}
	nodes := coap.New(coap.Config{
		Conns: coap.Conns(conn), Core: d.Switchboard, Log: log,
		NodePort: silent.LocalAddr().(*net.UDPAddr).AddrPort().Port(), Fallback: 50 * time.Millisecond,
	})
	door := ws.New(ws.Config{Core: d.Switchboard, Log: log})
	broker := mqtt.New(mqtt.Config{Core: d.Switchboard, Log: log, Feed: d.Feed, Fleet: d.Registry})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/node", door.ServeNode)
	web := httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = nodes.Run(ctx) })
	work.Go(func() { door.Run(ctx) })
	work.Go(func() { broker.Run(ctx) })
	work.Go(func() { _ = broker.Serve(listener) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
		web.Close()
		_ = conn.Close()
		_ = silent.Close()
	})
	d.coap, d.mqtt, d.node = conn.LocalAddr().String(), listener.Addr().String(), web.Listener.Addr().String()
	return d
}

// eventually looks again and again whether something has come true.
func (d *nodeDoors) eventually(what string, ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			_, rs, ok := d.Registry.Get(roost.Ref{Project: roost.Home, Thing: nodeID})
			d.t.Fatalf("never: %s; known: %v, with %v", what, ok, rs)
		}
	}
}

func (d *nodeDoors) last(resource string) string {
	_, rs, _ := d.Registry.Get(roost.Ref{Project: roost.Home, Thing: nodeID})
	for _, r := range rs {
		if r.Name == resource {
			return r.Value.AsText()
		}
	}
	return ""
}

// has waits until the thing's resource has a value.
func (d *nodeDoors) has(resource, value string) {
	d.t.Helper()
	d.eventually(resource+" is "+value, func() bool { return d.last(resource) == value })
}

// set submits a command and gives how it stands in the end.
func (d *nodeDoors) set(resource, value string) {
	d.t.Helper()
	ref := roost.Ref{Project: roost.Home, Thing: nodeID}
	if _, err := d.Commands.Submit(d.t.Context(), command.Request{Ref: ref, Resource: resource, Value: roost.Text(value)}); err != nil {
		d.t.Fatal(err)
	}
}

// nodeProgram is a thing with resources that announces itself; the rest of the runtime
// is not there. Its temperature rises with each set of the LED.
const nodeProgram = `
import sys
import asyncio
from rt.apps import platform
from rt import hal, conf, node
node.LOOK = 50
led = 0
def switch(v):
    global led
    if v not in (0, 1):
        raise ValueError('0 or 1')
    led = v
    platform.report(temperature='%d.5°C' % (20 + v))
    print('led', v)
async def slowly():
    await hal.sleep_ms(1)
    return {'lat': 48.5}
platform.resource('led', lambda: led, switch)
platform.resource('position', slowly)
platform.resource('a/b', lambda: 1)
platform.resource('broken', lambda: 1 // 0)
platform.report(temperature='20.5°C', humid=True)
class Apps:
    link = None
conf.put('pyaiot_id', '28CDC1001A2B')
asyncio.run(node.run(conf.get('pyaiot'), Apps))
`

// asNode runs the program on a board and as a program of CPython, with an address to announce itself at.
func asNode(t *testing.T, uri func(d *nodeDoors) string, test func(t *testing.T, d *nodeDoors)) {
	t.Run("board", func(t *testing.T) {
		d := openNodeDoors(t)
		b := boxed(t, nil, nodeProgram, map[string]string{"/settings.json": `{"pyaiot": "` + uri(d) + `"}`})
		b.on()
		test(t, d)
		b.says("led 1")
	})
	t.Run("CPython", func(t *testing.T) {
		python, err := exec.LookPath("python3")
		if err != nil {
			t.Skip("no python3")
		}
		d := openNodeDoors(t)
		onCPython(t, python, "from rt import coap\ncoap.PORT = 0\n"+nodeProgram, map[string]string{"settings.json": `{"pyaiot": "` + uri(d) + `"}`})
		test(t, d)
	})
}

// onCPython runs a program with the modules, until the end of the test. Its lines come
// out of the channel, which nobody has to read.
func onCPython(t *testing.T, python, program string, files map[string]string) (lines <-chan string) {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"run.py": "import sys\nsys.path.insert(0, '" + filepath.Join(dir, "_f") + "')\n" + program}
	for name, text := range modules(t) {
		all["_f/"+name] = text
	}
	maps.Copy(all, files)
	for name, text := range all {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "-u", filepath.Join(dir, "run.py"))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 256)
	var text strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(said)
		for in := bufio.NewScanner(out); in.Scan(); {
			text.WriteString(in.Text() + "\n")
			select {
			case said <- in.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(text.String())
		}
	})
	return said
}

func testNode(t *testing.T, d *nodeDoors) {
	d.has("led", "0")
	d.has("temperature", "20.5°C")
	d.has("humid", "1")
	d.has("position", `{"lat": 48.5}`)
	d.has("name", "28CDC1001A2B")
	if os := d.last("os"); os != "micropython" && os != "cpython" {
		t.Errorf("os %q", os)
	}
	if d.last("a/b") != "" || d.last("broken") != "" {
		t.Error("tells what cannot be told")
	}
	d.set("led", "1")
	d.has("led", "1")
	d.has("temperature", "21.5°C") // reported, not asked for
}

func TestNodeByCoAP(t *testing.T) {
	asNode(t, func(d *nodeDoors) string { return "coap://" + d.coap }, testNode)
}

func TestNodeByMQTT(t *testing.T) {
	asNode(t, func(d *nodeDoors) string { return "mqtt://" + d.mqtt }, testNode)
}

func TestNodeByWebSocket(t *testing.T) {
	asNode(t, func(d *nodeDoors) string { return "ws://" + d.node + "/node" }, testNode)
}
