package e2e

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// freeUDP is a UDP port of 127.0.0.1 that nobody uses now.
func freeUDP(t testing.TB) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// coapNode is libcoap's example server, and its client speaking for it.
type coapNode struct {
	t      testing.TB
	client string
	from   int // the client's port
	to     string
}

func (n *coapNode) post(path, payload string) string {
	n.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	out, err := exec.CommandContext(ctx, n.client, "-m", "post", "-a", "127.0.0.1", "-p", fmt.Sprint(n.from),
		"-e", payload, "coap://"+n.to+path).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s: %v: %s", n.client, err, out)
	}
	return string(out)
}

func TestLibcoapNodeFromUnknownToHistory(t *testing.T) {
	for _, variant := range []string{"notls", "openssl"} {
		t.Run(variant, func(t *testing.T) {
			pack := "libcoap3-bin"
			program, client := peerProgram(t, "coap-server-"+variant, pack), peerProgram(t, "coap-client-"+variant, pack)
			port := freeUDP(t)
			s := start(t, filepath.Join(t.TempDir(), "data"), "--coap-node-port", fmt.Sprint(port))
			ctx, stop := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, program, "-A", "127.0.0.1", "-p", fmt.Sprint(port))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { stop(); _ = cmd.Wait() })
			libcoapMainJob(s, &coapNode{t, client, freeUDP(t), s.coap})
			s.endsWell()
		})
	}
}

func libcoapMainJob(s *server, n *coapNode) {
	t := s.t
	t.Helper()
	if out := n.post("/alive", "reset:shed-1"); !strings.Contains(out, "4.01") {
		t.Fatalf("an unknown thing is answered %q", out)
	}
	s.awaitState("shed-1", "waiting")
	if out := run(t, "thing", "approve", "shed-1", "--data", s.data); !strings.Contains(out, "shed-1") {
		t.Fatalf("approve printed %q", out)
	}
	if out := n.post("/alive", "reset:shed-1"); !strings.Contains(out, "reset:shed-1") || strings.Contains(out, "4.01") {
		t.Fatalf("an approved thing is answered %q", out)
	}
	eventually(t, "resources are discovered", func() bool {
		h, _ := s.thing("shed-1")
		return h.Online && h.value("example_data") != "" && h.value("time") != ""
	})
	began := time.Now()
	for _, v := range []string{"21.5", "22.5", "23.5"} {
		if out := n.post("/server", "temperature:"+v); strings.Contains(out, "4.0") || strings.Contains(out, "5.0") {
			t.Fatalf("a value is answered %q", out)
		}
		eventually(t, "temperature "+v, func() bool {
			h, _ := s.thing("shed-1")
			return strings.Trim(h.value("temperature"), `"`) == v
		})
	}
	if out := run(t, "thing", "set", "shed-1", "example_data", "hello", "--data", s.data); !strings.Contains(out, "done") {
		t.Fatalf("set printed %q", out)
	}
	s.awaitValue("shed-1", "example_data", `"hello"`)
	eventually(t, "three readings of the temperature", func() bool { return len(s.readings("shed-1", "temperature", began)) == 3 })
	for i, r := range s.readings("shed-1", "temperature", began) {
		if want := 21.5 + float64(i); r.Last != want || r.T < began.UnixMilli() || r.T > time.Now().UnixMilli() {
			t.Errorf("reading %d is %+v, want %v", i, r, want)
		}
	}
}

// endsWell stops the server as systemd does. What does not end in its time is an error
// in the log.
func (s *server) endsWell() {
	s.t.Helper()
	if status, took := s.terminate(); status != 0 {
		s.t.Errorf("it ended with status %d after %v:\n%s", status, took, s.log)
	}
}
