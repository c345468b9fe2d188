package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	wire "github.com/roost-iot/roost/wire/pyaiot"
)

const (
	startIn = 20 * time.Second
	stopIn  = 10 * time.Second
)

// server is a process that was started to be measured.
type server struct {
	cmd    *exec.Cmd
	stop   context.CancelFunc
	ended  chan struct{} // closed when the process has ended
	err    error         // of the process, after ended
	output *tail
	dir    string // removed at the end; "" none

	c       Config        // to reach it by
	started time.Duration // from the start of the process until it was ready
}

// launch starts a process; close ends it.
func launch(ctx context.Context, binary string, args ...string) (*server, error) {
	ctx, stop := context.WithCancel(ctx)
	s := &server{stop: stop, ended: make(chan struct{}), output: new(tail)}
	s.cmd = exec.CommandContext(ctx, binary, args...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = stopIn
	if err := s.cmd.Start(); err != nil {
		stop()
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// close ends the process, waits for it and removes its folder.
func (s *server) close() {
	s.stop()
	<-s.ended
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// until tries every millisecond whether the server is ready.
func (s *server) until(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startIn)
	defer cancel()
	for !ready(ctx) {
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended at once: %w: %s", s.cmd.Path, s.err, s.output)
		default:
		}
		if !pause(ctx, time.Millisecond) {
			return fmt.Errorf("%s is not ready: %w: %s", s.cmd.Path, ctx.Err(), s.output)
		}
	}
	return nil
}

// startRoost starts the binary in an empty folder, on free ports of this machine,
// open to everybody.
func startRoost(ctx context.Context, c Config) (*server, error) {
	dir, err := os.MkdirTemp("", "roost-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the server: %w", err)
	}
	s, err := startRoostIn(ctx, c, dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func startRoostIn(ctx context.Context, c Config, dir string) (*server, error) {
	keys, keyFile, data := wire.GenerateKeys(), filepath.Join(dir, "keys"), filepath.Join(dir, "data")
	if err := keys.Save(keyFile, false); err != nil {
		return nil, err
	}
	at, err := freePorts("tcp", "udp", "tcp", "udp")
	if err != nil {
		return nil, err
	}
	web, coap, mqtt, mqttsn := at[0], at[1], at[2], at[3]
	began := time.Now()
	s, err := launch(ctx, c.Binary, "serve", "--data", data, "--http", web, "--coap", coap, "--mqtt", mqtt,
		"--mqttsn", mqttsn, "--mqtt-anonymous", "any", "--enrol", "open", "--pyaiot-clients", "open",
		"--key-file", keyFile, "--log-level", "warn")
	if err != nil {
		return nil, err
	}
	s.dir = dir
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	err = s.until(ctx, func(ctx context.Context) bool { return ok(ctx, client, "http://"+web+"/readyz") })
	if err != nil {
		s.close()
		return nil, err
	}
	s.started = time.Since(began)
	s.c = c
	s.c.HTTP, s.c.Nodes, s.c.CoAP, s.c.MQTT, s.c.MQTTSN = web, web, coap, mqtt, mqttsn
	s.c.Keys, s.c.PID, s.c.User, s.c.Password = keys, s.cmd.Process.Pid, "", ""
	// The token lies there a moment later.
	err = s.until(ctx, func(context.Context) bool {
		s.c.Token, err = localToken(data)
		return err == nil
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// ok tells that a GET is answered with 200.
func ok(ctx context.Context, client *http.Client, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := client.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// localToken is what a running server leaves for the command line of its machine.
func localToken(data string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(data, "secrets", "local.json"))
	if err != nil {
		return "", fmt.Errorf("read the server's token: %w", err)
	}
	var local struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(raw, &local); err != nil {
		return "", fmt.Errorf("read the server's token: %w", err)
	}
	if local.Token == "" {
		return "", errors.New("read the server's token: there is none")
	}
	return local.Token, nil
}

// freePorts finds addresses of this machine that nobody listens on, one of each network.
func freePorts(networks ...string) (at []string, err error) {
	for _, network := range networks {
		var c interface{ Close() error }
		if network == "udp" {
			var conn net.PacketConn
			if conn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err == nil {
				c, at = conn, append(at, conn.LocalAddr().String())
			}
		} else {
			var l net.Listener
			if l, err = net.Listen("tcp4", "127.0.0.1:0"); err == nil {
				c, at = l, append(at, l.Addr().String())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer c.Close() //nolint:errcheck // held until all are found, so that they differ
	}
	return at, nil
}

func freePort(network string) (string, error) {
	at, err := freePorts(network)
	if err != nil {
		return "", err
	}
	return at[0], nil
}

// tail keeps the end of what a process wrote.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if most := 2000; len(t.text) > most {
		t.text = t.text[len(t.text)-most:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
