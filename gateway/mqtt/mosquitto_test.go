package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// mosquitto is a broker that we did not write, on a port of its own.
type mosquitto struct {
	t      *testing.T
	path   string
	port   int
	config string   // its file
	more   []string // lines of that
	run    *exec.Cmd
	log    *bytes.Buffer
}

// startMosquitto starts one. Without the program the test is skipped, or fails when
// peers must be there (ROOST_NEED_PEERS=1).
func startMosquitto(t *testing.T, more ...string) *mosquitto {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
		_, err = os.Stat(path)
	}
	if err != nil {
		if os.Getenv("ROOST_NEED_PEERS") == "1" {
			t.Fatal("mosquitto is not installed")
		}
		t.Skip("mosquitto is not installed")
	}
	m := &mosquitto{t: t, path: path, config: filepath.Join(t.TempDir(), "mosquitto.conf"), more: more}
	t.Cleanup(m.stop)
	m.restart()
	return m
}

// restart starts it on another port.
func (m *mosquitto) restart() {
	m.t.Helper()
	for range 5 { // another program may take the port first
		if m.port = freePort(m.t); m.start() {
			return
		}
	}
	m.t.Fatalf("mosquitto does not listen: %s", m.log)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts it and tells whether it listens.
func (m *mosquitto) start() bool {
	m.t.Helper()
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\n", m.port)
	if os.Getuid() == 0 {
		config += "user root\n"
	}
	config += strings.Join(m.more, "\n") + "\n"
	if err := os.WriteFile(m.config, []byte(config), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.log = new(bytes.Buffer)
	m.run = exec.Command(m.path, "-c", m.config)
	m.run.Stdout, m.run.Stderr = m.log, m.log
	if err := m.run.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = m.run.Wait() // killed, or it could not listen
		close(ended)
	}()
	m.run.Cancel = func() error {
		err := m.run.Process.Kill()
		<-ended
		return err
	}
	for end := time.Now().Add(3 * roomtest.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		select {
		case <-ended:
			return false
		default:
		}
		if c, err := net.Dial("tcp", m.host()); err == nil {
			_ = c.Close()
			return true
		}
	}
	m.stop()
	return false
}

func (m *mosquitto) stop() {
	if m.run != nil {
		_ = m.run.Cancel() // it may have ended by itself
	}
}

// serve opens a house that is a client of m and waits until it listens: it asks who
// is there after it has subscribed.
func (m *mosquitto) serve(open func() *house) *house {
	m.t.Helper()
	probe := m.join("")
	probe.hear(beaconTopic)
	h := open()
	want(m.t, probe, beaconTopic, "")
	probe.end(broker.Clean)
	return h
}

// front is an address at which a broker can be there, be gone, and be back.
type front struct {
	address string
	mu      sync.Mutex
	to      string // "": nobody is there
	conns   map[net.Conn]struct{}
}

func openFront(t *testing.T) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{address: "tcp://" + l.Addr().String(), conns: map[net.Conn]struct{}{}}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { f.pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.lead("")
		work.Wait()
	})
	return f
}

// lead ends all connections; further ones go to another broker, or to nobody.
func (f *front) lead(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = to
	for c := range f.conns {
		_ = c.Close()
	}
}

// pass carries one connection.
func (f *front) pass(c net.Conn) {
	defer c.Close()
	f.mu.Lock()
	to := f.to
	f.conns[c] = struct{}{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.conns, c)
	}()
	if to == "" {
		return
	}
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(c, there)
		_ = c.Close()
	})
	_, _ = io.Copy(there, c)
	_ = there.Close()
	back.Wait()
}

func (m *mosquitto) host() string    { return fmt.Sprintf("127.0.0.1:%d", m.port) }
func (m *mosquitto) address() string { return "tcp://" + m.host() }

// join connects a client.
func (m *mosquitto) join(id string) *outer {
	m.t.Helper()
	return joinAt(m.t, m.address(), id)
}

func joinAt(t *testing.T, address, id string) *outer {
	t.Helper()
	o := &outer{t: t, in: make(chan got, 10_000)}
	var err error
	o.client, err = mqttclient.New(mqttclient.Options{
		Address: address, ClientID: id, CleanStart: true, Log: slog.New(slog.DiscardHandler),
		Retry: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond,
		Handle: func(p *wire.Publish) {
			o.in <- got{topic: p.Topic, payload: string(p.Payload), retain: p.Retain, qos: p.QoS, props: p.Props}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { o.client.Run(ctx) })
	o.stop = sync.OnceFunc(func() {
		cancel()
		run.Wait()
	})
	t.Cleanup(o.stop)
	soon, done := roomtest.Soon()
	defer done()
	if err := o.client.Await(soon); err != nil {
		t.Fatal(err)
	}
	return o
}
