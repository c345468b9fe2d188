package pyaiot

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// rawSocket is a WebSocket client of few bytes: a load must not cost more than what it loads.
type rawSocket struct {
	net.Conn
	in *bufio.Reader
}

func (h *house) raw(path string, header string) *rawSocket {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "ws://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", path, header)
	s := &rawSocket{conn, bufio.NewReaderSize(conn, 32<<10)}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		h.t.Fatalf("no WebSocket: %v, %v", resp, err)
	}
	return s
}

// masked appends a client's frame.
func masked(dst []byte, op byte, payload string) []byte {
	var key [4]byte
	rand.Read(key[:])
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n <= 125:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, key[:]...)
	for i := range len(payload) {
		dst = append(dst, payload[i]^key[i&3])
	}
	return dst
}

// frame reads a server's frame; payload is good until the next call.
func (s *rawSocket) frame(buf []byte) (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(s.in, head[:2]); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	switch size {
	case 126:
		_, err = io.ReadFull(s.in, head[2:4])
		size = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(s.in, head[2:10])
		size = int(binary.BigEndian.Uint64(head[2:]))
	}
	if err == nil && size > len(buf) {
		buf = make([]byte, size)
	}
	if err == nil {
		_, err = io.ReadFull(s.in, buf[:size])
	}
	return head[0] & 15, buf[:size], err
}

const inFlight = 64

// BenchmarkFanOut sends the updates of one gateway to 100 clients, 64 in flight:
// an update is in flight until the last client has it. One op is one delivery.
func BenchmarkFanOut(b *testing.B) {
	const clients = 100
	h := build(b, nil)
	gw := h.raw("/gw", "Sec-WebSocket-Protocol: token,"+h.keys.Token(time.Now())+"\r\n")
	if _, err := gw.Write(masked(nil, 1, `{"type": "new", "uid": "n1", "dst": "all"}`)); err != nil {
		b.Fatal(err)
	}
	roomtest.Eventually(b, "the node is there", func() bool { return h.registry.Count("home").Online == 1 })
	updates := max(b.N/clients, 1)
	sent := make([]int64, updates) // ns
	got := make([]atomic.Int32, updates)
	window := make(chan struct{}, inFlight)
	var all sync.WaitGroup
	latencies := make([][]int64, clients)
	for c := range clients {
		ws := h.raw("/ws", "")
		if _, err := ws.Write(masked(nil, 1, `{"type":"new","data":"client"}`)); err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 512)
		if _, _, err := ws.frame(buf); err != nil { // the node's new
			b.Fatal(err)
		}
		all.Go(func() {
			for i := 0; i < updates; {
				_, p, err := ws.frame(buf)
				if err != nil {
					b.Error(err)
					return
				}
				if !strings.Contains(string(p), `"data": "`) {
					continue
				}
				if i%16 == c%16 {
					latencies[c] = append(latencies[c], time.Now().UnixNano()-atomic.LoadInt64(&sent[i]))
				}
				if got[i].Add(1) == clients {
					<-window
				}
				i++
			}
		})
	}
	b.ResetTimer()
	var buf []byte
	for i := 0; i < updates; {
		buf = buf[:0]
		window <- struct{}{}
		for more := true; more; {
			atomic.StoreInt64(&sent[i], time.Now().UnixNano())
			buf = masked(buf, 1, string(wire.AppendUpdate(nil, "n1", "temperature", fmt.Sprintf(`"%d.5°C"`, 10+i%20), "all")))
			if i++; i == updates {
				break
			}
			select {
			case window <- struct{}{}:
			default:
				more = false
			}
		}
		if _, err := gw.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	all.Wait()
	b.StopTimer()
	every := slices.Concat(latencies...)
	slices.Sort(every)
	if len(every) > 0 {
		b.ReportMetric(float64(every[len(every)*99/100])/1e6, "p99-ms")
	}
	b.ReportMetric(float64(updates*clients)/b.Elapsed().Seconds(), "delivered/s")
}

// BenchmarkIdleClients weighs an announced client that nothing happens to.
func BenchmarkIdleClients(b *testing.B) {
	h := build(b, nil)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const clients = 500
		sockets := make([]*rawSocket, clients)
		for i := range sockets {
			sockets[i] = h.raw("/ws", "")
			sockets[i].in = nil
			if _, err := sockets[i].Write(masked(nil, 1, `{"type":"new","data":"client"}`)); err != nil {
				b.Fatal(err)
			}
		}
		roomtest.Eventually(b, "all are announced", func() bool { return h.watchers() == clients })
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/clients, "heap-B/client")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/clients, "stack-B/client")
		for _, s := range sockets {
			_ = s.Close()
		}
		roomtest.Eventually(b, "all are gone", func() bool { return h.door.Stats().Clients == 0 })
	}
}
