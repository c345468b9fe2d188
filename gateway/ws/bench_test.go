package ws

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

// BenchmarkNodesToOnePage: 1,000 nodes send values, 8 in flight each, to one web
// client, over sockets, rooms and store. One op is one value at the client.
func BenchmarkNodesToOnePage(b *testing.B) {
	const nodes, window = 1000, 8
	h := build(b, registry.EnrolOpen, nil)
	socks := make([]net.Conn, nodes)
	for i := range socks {
		socks[i] = raw(b, h, fmt.Sprintf("/node?id=n%d", i))
	}
	roomtest.Eventually(b, "all are there", func() bool { return h.registry.Count(roost.Home).Online == nodes })
	page := raw(b, h, "/ws")
	if _, err := page.Write(text(`{"type":"new","data":"client"}`)); err != nil {
		b.Fatal(err)
	}
	slots := make([]chan struct{}, nodes)
	for i := range slots {
		slots[i] = make(chan struct{}, window)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan struct{})
	go func() {
		defer close(done)
		in := bufio.NewReaderSize(page, 64<<10)
		for seen := 0; seen < b.N; {
			p, err := frame(in)
			if err != nil {
				b.Error(err)
				return
			}
			if !bytes.Contains(p, []byte(`"endpoint": "t"`)) {
				continue
			}
			var n int
			_, _ = fmt.Sscanf(string(p[bytes.Index(p, []byte(`"uid": "n`))+9:]), "%d", &n)
			<-slots[n]
			seen++
		}
	}()
	b.ResetTimer()
	var all sync.WaitGroup
	for i, s := range socks {
		all.Go(func() {
			m := text(`{"type": "update", "data": {"t": "21.5°C"}}`)
			for left.Add(-1) >= 0 {
				slots[i] <- struct{}{}
				if _, err := s.Write(m); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	<-done
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "delivered/s")
}

// text is a client's frame, masked with zeros.
func text(payload string) []byte {
	return append([]byte{0x81, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// frame reads a server's frame of at most 64 kB.
func frame(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(4)
	if err != nil {
		return nil, err
	}
	skip, size := 2, int(head[1])
	if size == 126 {
		skip, size = 4, int(head[2])<<8|int(head[3])
	}
	if _, err := in.Discard(skip); err != nil {
		return nil, err
	}
	p, err := in.Peek(size)
	if err == nil {
		_, err = in.Discard(size)
	}
	return p, err
}

func raw(b *testing.B, h *house, path string) net.Conn {
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "ws://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("no WebSocket: %v", err)
	}
	return conn
}
