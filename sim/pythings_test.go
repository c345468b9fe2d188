package sim_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// heard is a request as it came over the wire.
type heard struct {
	secure bool
	server string // name that was asked for in the TLS handshake
	raw    string
}

func (h heard) path() string {
	_, rest, _ := strings.Cut(h.raw, "POST ")
	path, _, _ := strings.Cut(rest, " ")
	return path
}

func (h heard) body() string {
	_, body, _ := strings.Cut(h.raw, "\r\n\r\n")
	return body
}

// pythingsBackend answers each connection with the bytes that answer gives; it speaks
// TLS and plain HTTP on one port.
type pythingsBackend struct {
	net.Listener
	addr   string
	config *tls.Config
	answer func(h heard) string
	rude   bool // says nothing when it ends a TLS connection

	mu    sync.Mutex
	calls []heard
}

func startPythingsBackend(t *testing.T, answer func(heard) string) *pythingsBackend {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	borrowed := httptest.NewUnstartedServer(nil)
	borrowed.StartTLS()
	config := &tls.Config{Certificates: borrowed.TLS.Certificates}
	borrowed.Close()
	b := &pythingsBackend{Listener: l, addr: l.Addr().String(), config: config, answer: answer}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); work.Wait() })
	return b
}

// peeked is a connection whose first bytes were looked at.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

func (b *pythingsBackend) serve(raw net.Conn) {
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(patience))
	p := peeked{raw, bufio.NewReader(raw)}
	first, err := p.r.Peek(1)
	if err != nil {
		return
	}
	var h heard
	var conn net.Conn = p
	if first[0] == 0x16 {
		config := b.config.Clone()
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { h.server = hello.ServerName; return nil, nil }
		conn, h.secure = tls.Server(p, config), true
	}
	if h.raw, err = readRequest(conn); err != nil {
		return
	}
	b.mu.Lock()
	b.calls = append(b.calls, h)
	b.mu.Unlock()
	_, _ = io.WriteString(conn, b.answer(h))
	if !b.rude {
		_ = conn.Close()
	}
}

// readRequest reads as far as content-length and the continuation bytes say.
func readRequest(r io.Reader) (string, error) {
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(r, &raw))
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		_, _ = fmt.Sscanf(line, "content-length: %d", &length)
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, 0, length)
	for more := length; more > 0; more = wire.Missing(body, length) {
		piece := make([]byte, more)
		if _, err := io.ReadFull(in, piece); err != nil {
			return "", err
		}
		body = append(body, piece...)
	}
	return raw.String(), nil
}

func (b *pythingsBackend) heard() []heard {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]heard(nil), b.calls...)
}

const answerHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

// recorded is a call of a recording with an unmodified device.
type recorded struct {
	Call, Boot      int
	TLS             bool
	Path            string
	Length          int
	Request, Status string
	Answer          string
	AnswerPlain     string
}

func recording(t *testing.T, name string) (calls []recorded) {
	t.Helper()
	text, err := os.ReadFile("../wire/pythings/testdata/" + name + ".json")
	if err == nil {
		err = json.Unmarshal(text, &calls)
	}
	if err != nil || len(calls) == 0 {
		t.Fatal(err)
	}
	return calls
}

// sensorApp is the app of the recordings.
type sensorApp struct{ files map[string]string }

func (a *sensorApp) Load(files map[string]string) error { a.files = files; return nil }

func (a *sensorApp) Worker(context.Context) (string, error) { return `{"temperature_C": 20.5}`, nil }

func (a *sensorApp) Management(_ context.Context, message string) (string, error) {
	var text string
	if message == "" {
		return `"Got None"`, nil
	}
	err := json.Unmarshal([]byte(message), &text)
	b, _ := json.Marshal("Got " + text)
	return string(b), err
}

func (a *sensorApp) Exec(_ context.Context, source string) string { return "ran " + source }
func (a *sensorApp) Close()                                       {}

// noWait lets no time pass.
func noWait(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil }

// replay answers a device as recorded and compares what it sends.
func replay(t *testing.T, calls []recorded, c sim.PythingsConfig, play func(*sim.PythingsDevice)) {
	t.Helper()
	at := 0
	b := startPythingsBackend(t, func(heard) string { // one call at a time
		if at == len(calls) {
			return ""
		}
		at++
		return calls[at-1].Status + "\r\nContent-Type: text/html\r\n\r\n" + calls[at-1].Answer
	})
	c.Backend, c.Wait, c.Runner = b.addr, noWait, &sensorApp{}
	play(sim.NewPythings(c))
	got := b.heard()
	if len(got) != len(calls) {
		t.Errorf("%d calls, want %d", len(got), len(calls))
	}
	for i, h := range got[:min(len(got), len(calls))] {
		want := fmt.Sprintf("POST %s HTTP/1.0\r\nHost: 127.0.0.1\r\ncontent-length: %d\r\ncontent-type: application/json\r\n\r\n%s", calls[i].Path, calls[i].Length, calls[i].Request)
		if h.raw != want || h.secure != calls[i].TLS || h.server != "" {
			t.Errorf("call %d (TLS %v, %q):\n%s\nwant (TLS %v):\n%s", calls[i].Call, h.secure, h.server, h.raw, calls[i].TLS, want)
		}
	}
}

// steps boots and ticks and says whether the device ran on after each.
func steps(t *testing.T, d *sim.PythingsDevice, want string) {
	t.Helper()
	for i, s := range want {
		var running bool
		var err error
		if s == 'B' || s == 'b' {
			running, err = d.Boot(t.Context())
		} else {
			running, err = d.Tick(t.Context())
		}
		if err != nil || running != (s == 'B' || s == 'T') {
			t.Fatalf("step %d of %s: running %v, %v", i+1, want, running, err)
		}
	}
}

// S05, T01, T02
func TestDeviceSendsWhatWasRecorded(t *testing.T) {
	replay(t, recording(t, "clear"), sim.PythingsConfig{TID: "A4CF12B3D5E6", AID: "5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10"}, func(d *sim.PythingsDevice) {
		steps(t, d, "bbBTTTTTT")
		if app, _ := d.File("app.py"); !strings.Contains(app, "'1700000000'") {
			t.Errorf("app.py: %q", app)
		}
		if worker, _ := d.File("worker_task.py"); len(worker) != 174 {
			t.Errorf("worker_task.py has %d bytes", len(worker))
		}
	})
}

// E02, E05
func TestDeviceEncryptsWhatWasRecorded(t *testing.T) {
	n, _ := new(big.Int).SetString("122286282151229941542461634239575439204011406739640238830277348530601655792730502659987686488374373707022997109935559456710597574716761101213216905479121814658968379590801042206821730053874834439636313344919541069319344500483067519863883462915862546653924767118421115602241681676357053632639331393023313310679", 10)
	k, err := wire.ParseKey("57811460909138771071931939740208549692")
	if err != nil {
		t.Fatal(err)
	}
	calls := recording(t, "encrypted")
	replay(t, calls, sim.PythingsConfig{TID: "5ECF7F0A1B2C", AID: "5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10", Modulus: n, Key: &k}, func(d *sim.PythingsDevice) {
		var first struct{ Settings json.RawMessage }
		if err := json.Unmarshal([]byte(calls[2].AnswerPlain), &first); err != nil {
			t.Fatal(err)
		}
		d.Put("settings.json", string(first.Settings)) // boot 1 was clear and is not in the recording
		steps(t, d, "bBT")
		if !d.Encrypts() {
			t.Error("the session is clear")
		}
	})
}

// Each line of the head goes out by itself, and the body after it.
func TestDeviceWritesLineByLine(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	written := make(chan string, 10)
	go func() {
		defer close(written)
		buf := make([]byte, 1<<12)
		for {
			n, err := server.Read(buf) // a pipe gives each write by itself
			if err != nil {
				return
			}
			written <- string(buf[:n])
		}
	}()
	if err := sim.SendAsDevice(client, "h", "/p", `{}`, 2); err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	var got []string
	for piece := range written {
		got = append(got, piece)
	}
	want := []string{"POST /p HTTP/1.0\r\nHost: h\r\n", "content-length: 2\r\n", "content-type: application/json\r\n", "\r\n", "{}"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
}
