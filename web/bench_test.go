package web

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// BenchmarkListThings asks for 5,000 things of four resources over a real socket.
func BenchmarkListThings(b *testing.B) {
	h := open(b)
	ada := h.owner()
	for i := range 5000 {
		id := "node" + strconv.Itoa(i)
		h.arrive(id, true)
		for _, v := range [][2]string{{"temperature", `"24.1°C"`}, {"humidity", `63.5`}, {"led", `"0"`}, {"name", `"Node"`}} {
			h.report(id, v[0], roost.Value(v[1]))
		}
	}
	b.ResetTimer()
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), "GET", ada.url+apiRoot+"/things", nil)
		if err != nil {
			b.Fatal(err)
		}
		res, err := ada.client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if res.Body.Close(); err != nil || res.StatusCode != 200 {
			b.Fatal(err, res.StatusCode)
		}
		b.SetBytes(n)
	}
}

// BenchmarkListThingsWithApps asks for 5,000 PythingsOS things, each with its app.
func BenchmarkListThingsWithApps(b *testing.B) {
	h := open(b)
	ada := h.owner()
	app := roost.AppID(ada.app("Greenhouse"))
	for i := range 5000 {
		id := "node" + strconv.Itoa(i)
		h.device(id, release.Registration{App: app})
		h.report(id, "temperature", `24.1`)
	}
	for _, query := range []string{"", "?app=" + string(app)} {
		b.Run("things"+query[:min(4, len(query))], func(b *testing.B) { ada.fetch(b, "/things"+query) })
	}
	b.Run("apps", func(b *testing.B) { ada.fetch(b, "/apps") })
}

// fetch asks for path again and again.
func (b *browser) fetch(bench *testing.B, path string) {
	for bench.Loop() {
		res, body := b.send("GET", path, nil)
		if res.StatusCode != 200 {
			bench.Fatal(res.StatusCode)
		}
		bench.SetBytes(int64(len(body)))
	}
}

// count reads frames and adds them up until the connection ends.
func count(conn net.Conn, seen *atomic.Int64) {
	buf := make([]byte, 64<<10)
	left := 0 // of the payload of the frame under way
	var head []byte
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		frames := int64(0)
		for in := buf[:n]; len(in) > 0; {
			if left > 0 {
				k := min(left, len(in))
				in, left = in[k:], left-k
				continue
			}
			for len(in) > 0 && (len(head) < 2 || len(head) < 4 && head[1] == 126) {
				head, in = append(head, in[0]), in[1:]
			}
			if len(head) < 2 || head[1] == 126 && len(head) < 4 {
				break
			}
			if left = int(head[1]); left == 126 {
				left = int(binary.BigEndian.Uint16(head[2:]))
			}
			if head[0] == 0x81 {
				frames++
			}
			head = head[:0]
		}
		seen.Add(frames)
	}
}

// watchers opens n streams on bare sockets that count what they get.
func (h *house) watchers(token string, n int, seen *atomic.Int64) (stop func()) {
	h.t.Helper()
	var reading sync.WaitGroup
	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conns[i] = rawStream(h.t, h.http.URL, token)
		sayMasked(h.t, conns[i], `{"subscribe":{}}`)
		if seen != nil {
			reading.Go(func() { count(conns[i], seen) })
		}
	}
	eventually(h.t, "all watch", func() bool { return h.subscribed() == n && (seen == nil || seen.Load() == int64(n)) })
	return func() {
		for _, c := range conns {
			_ = c.Close()
		}
		reading.Wait()
	}
}

// BenchmarkFanOut publishes bursts of readings to 1,000 streams over loopback. One
// operation is one event for all of them.
func BenchmarkFanOut(b *testing.B) {
	const watchers, burst = 1000, 500
	h := open(b)
	var seen atomic.Int64
	stop := h.watchers(h.as(h.owner(), "viewer").token, watchers, &seen)
	defer stop()
	value := roost.Text(strings.Repeat("x", 100)) // makes about 200 bytes
	seen.Store(0)
	began := time.Now()
	b.ResetTimer()
	for sent := 0; sent < b.N; {
		n := min(burst, b.N-sent)
		for range n {
			h.Feed.Publish(&roost.Event{Kind: roost.Read, Ref: h.server.ref("node1"), At: began, Resource: "n", Value: value})
		}
		sent += n
		for want := int64(sent) * watchers; seen.Load() < want; {
			runtime.Gosched()
			<-time.After(100 * time.Microsecond)
		}
	}
	b.ReportMetric(float64(b.N)*watchers/time.Since(began).Seconds(), "deliveries/s")
}

// BenchmarkIdleWatchers says what an idle stream costs of the process's memory. Its
// peer is in the same process: its socket is counted with it.
func BenchmarkIdleWatchers(b *testing.B) {
	const n = 2000
	h := open(b)
	token := h.as(h.owner(), "viewer").token
	inUse := func() (heap, stacks int64) {
		for range 8 { // a stack shrinks by half at each
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc), int64(m.StackInuse)
	}
	for b.Loop() {
		heap, stacks := inUse()
		stop := h.watchers(token, n, nil)
		heapAfter, stacksAfter := inUse()
		b.ReportMetric(float64(heapAfter-heap)/n, "heap-B/watcher")
		b.ReportMetric(float64(stacksAfter-stacks)/n, "stack-B/watcher")
		stop()
	}
}

// BenchmarkTellApp sends a message to 1,000 things of an app.
func BenchmarkTellApp(b *testing.B) {
	h := open(b)
	ada := h.owner()
	app := roost.AppID(ada.app("Greenhouse"))
	for i := range 1000 {
		h.device("node"+strconv.Itoa(i), release.Registration{App: app})
	}
	for b.Loop() {
		if got := ada.want(200, "POST", "/apps/"+string(app)+"/messages", `{"value":1}`); got["sent"] != 1000.0 {
			b.Fatal(got)
		}
	}
}
