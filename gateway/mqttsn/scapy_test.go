package mqttsn_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
)

// scapy gives a Python that has Scapy. Without one the test is skipped, or fails when
// peers must be there (ROOST_NEED_PEERS=1).
func scapy(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(path, "-c", "import scapy.contrib.mqttsn").Run() == nil {
			return path
		}
	}
	if os.Getenv("ROOST_NEED_PEERS") == "1" {
		t.Fatal("Scapy is not installed (Debian: python3-scapy)")
	}
	t.Skip("skipped: Scapy is not installed (Debian: python3-scapy)")
	return ""
}

// A node whose frames are made and read by a codec that we did not write.
func TestScapyNode(t *testing.T) {
	python := scapy(t)
	sockets, err := mqttsn.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := run(t, mqttsn.Config{Conns: mqttsn.Conns(sockets), GatewayID: 9})
	t.Cleanup(func() {
		h.stop()
		_ = sockets.Close()
	})
	all := h.listen("up/#", "up", "will/#")
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	at := sockets.LocalAddr().(*net.UDPAddr)
	node := exec.CommandContext(ctx, python, "testdata/scapy_node.py", at.IP.String(), fmt.Sprint(at.Port))
	var faults bytes.Buffer
	node.Stderr = &faults
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	lines, places := bufio.NewScanner(out), 0
	for lines.Scan() {
		places++
		switch lines.Text() {
		case "subscribed":
			h.publish("down/b", "down", 1)
			h.publish("down/b", strings.Repeat("y", 1000), 2)
		case "asleep":
			h.publish("down/b", "first", 1)
			h.publish("down/b", "second", 1)
		}
		_, _ = fmt.Fprintln(in, "go on")
	}
	if err := node.Wait(); err != nil || places != 3 {
		t.Fatalf("the node came to place %d of 3: %v\n%s", places, err, faults.String())
	}
	all.want("up/a", "one", 1)
	all.want("up/a", "two", 2)
	all.want("up", "short", 1)
	all.none()
}
