package sim

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// mostLines is how many lines of its log a board keeps.
const mostLines = 200

// boardWeb is a board's own HTTP server, on this machine only.
type boardWeb struct {
	n      *board
	port   int
	reboot chan struct{} // somebody asked for it

	mu    sync.Mutex
	lines []string
}

// openWeb serves a board until stop is called. A board without one plays all the same.
func (n *board) openWeb() (stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.log.Error("no HTTP server of its own", "err", err)
		return func() {}
	}
	w := &boardWeb{n: n, port: l.Addr().(*net.TCPAddr).Port, reboot: make(chan struct{}, 1)}
	n.web = w
	server := &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) }) // until it is closed
	if six, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(w.port))); err == nil {
		serving.Go(func() { _ = server.Serve(six) })
	}
	return func() {
		_ = server.Close()
		serving.Wait()
	}
}

// wait waits for a time, or for somebody who asks for a reboot; false at the end of ctx.
func (n *board) wait(ctx context.Context, d time.Duration) (reboot, goesOn bool) {
	if n.web == nil {
		return false, pause(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-n.web.reboot:
		return true, true
	case <-timer.C:
		return false, true
	}
}

// tell writes a line into the board's own log.
func (n *board) tell(text string) {
	if n.web == nil {
		return
	}
	n.web.mu.Lock()
	defer n.web.mu.Unlock()
	n.web.lines = append(n.web.lines, time.Now().Format(time.DateTime)+" "+text)
	n.web.lines = n.web.lines[max(0, len(n.web.lines)-mostLines):]
}

// ServeHTTP serves what every board does, in part.
func (w *boardWeb) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	var answer any
	switch r.Method + " " + r.URL.Path {
	case "GET /status":
		temperature, _ := w.n.value("temperature", time.Now())
		humidity, _ := w.n.value("humidity", time.Now())
		answer = map[string]any{
			"device_id": w.n.id(), "firmware": w.n.firmware(), "version": w.n.firmware(), "free_mem": 98304, "rssi": -55, "ip": "127.0.0.1",
			"uptime_ms": time.Since(w.n.began()).Milliseconds(), "boot_epoch": w.n.began().Unix(), "temperature": temperature, "humidity": humidity,
		}
	case "GET /logs":
		answer = map[string]any{"logs": []string{"platform_log.txt"}}
	case "GET /logs/platform_log.txt":
		_, _ = to.Write([]byte(w.log(r.URL.Query().Get("lines")))) // whoever asked may be gone
		return
	case "POST /identify":
		w.n.tell("identify: blue, five times")
		answer = map[string]any{"ok": true}
	case "POST /restart", "POST /factory-reset":
		w.n.tell(r.URL.Path[1:])
		select {
		case w.reboot <- struct{}{}:
		default: // it will anyway
		}
		answer = map[string]any{"ok": true}
	default:
		to.WriteHeader(http.StatusNotFound)
		answer = map[string]any{"error": "There is no such page."}
	}
	_ = json.NewEncoder(to).Encode(answer)
}

func (w *boardWeb) log(most string) string {
	w.mu.Lock()
	lines := slices.Clone(w.lines)
	w.mu.Unlock()
	if n, err := strconv.Atoi(most); err == nil && n > 0 {
		lines = lines[max(0, len(lines)-n):]
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}
