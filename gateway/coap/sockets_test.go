package coap_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/udp"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/coap"
)

// counted is a socket that counts what came.
type counted struct {
	*net.UDPConn
	came atomic.Int64
}

func (c *counted) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := c.UDPConn.ReadFromUDPAddrPort(b)
	if err == nil {
		c.came.Add(1)
	}
	return n, from, err
}

// stream posts values 1 to n without waiting for each answer: at most 8 are open.
func stream(t *testing.T, h *house, conn *net.UDPConn, n int) {
	in := make([]byte, 1500)
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	for i := 1; i <= n+8; i++ {
		if i > 8 {
			if _, err := conn.Read(in); err != nil {
				t.Error(err)
				return
			}
		}
		if i <= n {
			m := wire.Message{Code: wire.POST, ID: uint16(i), Payload: fmt.Appendf(nil, "n:%d", i)}
			m.Options.SetPath("/server")
			if _, err := conn.WriteToUDPAddrPort(m.Append(nil), h.at); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

func TestEachNodeKeepsItsOrderOverSeveralSockets(t *testing.T) {
	const nodes, values = 16, 200
	sockets, err := udp.ListenOn("127.0.0.1:0", 4)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && len(sockets) != 4 {
		t.Fatalf("%d sockets", len(sockets))
	}
	var counts []*counted
	h := open(t, func(_ *roomtest.Config, c *coap.Config) {
		for _, s := range sockets {
			counts = append(counts, &counted{UDPConn: s})
			c.Conns = append(c.Conns, counts[len(counts)-1])
		}
	})
	var posting sync.WaitGroup
	for i := range nodes {
		conn := listen(t, fmt.Sprintf("127.0.40.%d:0", i+1))
		defer conn.Close()
		at := conn.LocalAddr().String()
		_ = conn.Close()
		taken(t, post(t, h, at, "/alive", fmt.Sprintf("alive:o%d", i)), fmt.Sprintf("alive:o%d", i))
		conn = listen(t, at)
		defer conn.Close()
		posting.Go(func() { stream(t, h, conn, values) })
	}
	posting.Wait()
	last := map[string]int{}
	for seen := 0; seen < nodes*values; {
		uid, value, ok := strings.Cut(h.next(t), " n=")
		if !ok {
			continue
		}
		n, _ := strconv.Atoi(value)
		if n != last[uid]+1 {
			t.Fatalf("%s: %d came after %d", uid, n, last[uid])
		}
		last[uid] = n
		seen++
	}
	used := 0
	for _, c := range counts {
		if c.came.Load() > 0 {
			used++
		}
	}
	if used < len(sockets)/2 {
		t.Errorf("%d of %d sockets had work", used, len(sockets))
	}
}

func TestSecondDoorAtTheSamePortIsRefused(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", ":0"} {
		first, err := udp.ListenOn(at, 4)
		if err != nil {
			t.Fatal(err)
		}
		taken := first.LocalAddr().String()
		if second, err := udp.ListenOn(taken, 4); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s twice: %v, %v", taken, second, err)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		again, err := udp.ListenOn(taken, 4)
		if err != nil {
			t.Fatalf("once it is free: %v", err)
		}
		_ = again.Close()
	}
}
