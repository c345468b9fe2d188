package coap_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/internal/roomtest"
)

// libcoap gives the path of one of libcoap's programs. Without it the test is
// skipped, or fails when peers must be there (ROOST_NEED_PEERS=1).
func libcoap(t *testing.T, program string) string {
	t.Helper()
	for _, name := range []string{program + "-notls", program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("ROOST_NEED_PEERS") == "1" {
		t.Fatalf("%s is not installed (Debian: libcoap3-bin)", program)
	}
	t.Skipf("skipped: %s is not installed (Debian: libcoap3-bin)", program)
	return ""
}

// serveLibcoap runs libcoap's example server as a node at NodePort.
func serveLibcoap(t *testing.T, h *house) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, libcoap(t, "coap-server"), "-A", "127.0.0.1", "-p", fmt.Sprint(h.port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
}

// posts posts with libcoap's client from a port, and gives what it printed.
func posts(t *testing.T, h *house, port uint16, path, payload string) string {
	t.Helper()
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, libcoap(t, "coap-client"), "-m", "post", "-a", "127.0.0.1", "-p", fmt.Sprint(port),
		"-e", payload, fmt.Sprintf("coap://%v%s", h.at, path))
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("coap-client: %v: %s", err, out.String())
	}
	return out.String()
}

func TestLibcoapServerIsANode(t *testing.T) {
	libcoap(t, "coap-client")
	h := open(t, func(_ *roomtest.Config, c *coap.Config) {
		c.Exchange.AnswerTimeout, c.Exchange.MaxRetransmit = 20*time.Second, 6
	})
	serveLibcoap(t, h)
	port := freePort(t)
	// The server may need a moment to listen; what it does not hear is sent again.
	if out := posts(t, h, port, "/alive", "reset:LIBCOAP1"); !strings.Contains(out, "Received 'reset:LIBCOAP1'") {
		t.Fatalf("the client printed %q", out)
	}
	h.want(t, introduced("LIBCOAP1", "127.0.0.1")...)
	h.until(t, "LIBCOAP1 async=done")
	eventually(t, "the list is read", func() bool {
		_, rs, _ := h.Registry.Get(ref("LIBCOAP1"))
		return len(rs) == 6 && h.door.Stats().Discoveries == 0
	})
	if root := h.resource(t, "LIBCOAP1", "/"); !strings.Contains(root.Value.AsText(), "test server made with libcoap") {
		t.Errorf("/ is %q", root.Value)
	}
	if data := h.resource(t, "LIBCOAP1", "example_data"); len(data.Value.AsText()) != 1500 || data.Writable {
		t.Errorf("example_data has %d bytes, writable %v", len(data.Value.AsText()), data.Writable)
	}

	first := h.resource(t, "LIBCOAP1", "time").Value // it ticks every second, and says so
	eventually(t, "two ticks", func() bool {
		now := h.resource(t, "LIBCOAP1", "time")
		return now.Value != first
	})

	c := h.set(t, "LIBCOAP1", "example_data", `"hello"`)
	if c.State != roost.Done {
		t.Fatalf("command is %s: %q", c.State, c.Error)
	}
	// Its notification of the new value may come before its answer.
	eventually(t, "the new value, known to be writable", func() bool {
		data := h.resource(t, "LIBCOAP1", "example_data")
		return data.Value.AsText() == "hello" && data.Writable
	})
	c = h.set(t, "LIBCOAP1", "example_data", roost.Text(strings.Repeat("0123456789", 200))) // in blocks
	if c.State != roost.Done {
		t.Fatalf("command is %s: %q", c.State, c.Error)
	}
	if c = h.set(t, "LIBCOAP1", "nothing", "1"); c.State != roost.Failed || !strings.Contains(c.Error, "4.0") {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}

	posts(t, h, freePort(t), "/server", "temperature:21.5")
	if v := h.resource(t, "LIBCOAP1", "temperature"); v.Value.AsText() != "21.5" {
		t.Errorf("temperature is %s", v.Value)
	}
}
