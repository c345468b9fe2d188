package board_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// house is the door with the real rooms behind it, over a real store and real directories.
type house struct {
	t        testing.TB
	data     string
	ota      string
	rooms    *roomtest.Rooms
	releases *release.Releases
	door     *board.Door
	url      string
	logged   *record
	stop     func()
	at       time.Time // of the last look
}

// plan says how a house is built; its zero value lets everybody in.
type plan struct {
	data      string
	enrolment string
	change    func(*board.Config)
	source    func(release.Store) release.Store // what apps are kept in
	blind     bool                              // only look looks at the directories
}

// record keeps what was logged.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

func build(t testing.TB, p plan) *house {
	t.Helper()
	if p.data == "" {
		p.data = t.TempDir()
	}
	h := &house{t: t, data: p.data, ota: filepath.Join(p.data, "ota"), logged: &record{}}
	log := slog.New(slog.NewTextHandler(h.logged, nil))
	h.rooms = roomtest.Open(t, roomtest.Config{Dir: p.data, Registry: registry.Config{Enrolment: p.enrolment}})
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	apps := release.Store(h.rooms.Store)
	if p.source != nil {
		apps = p.source(apps)
	}
	h.releases, err = release.Open(ctx, release.Config{Store: apps, Feed: h.rooms.Feed, Shelf: filepath.Join(p.data, "shelf"), Log: log})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	c := board.Config{
		Core: h.rooms.Switchboard, Releases: h.releases, Telemetry: h.rooms.Telemetry, Commands: h.rooms.Commands,
		Registry: h.rooms.Registry, Store: h.rooms.Store, Dir: h.ota, Log: log, Poll: 5 * time.Millisecond, Stable: 50 * time.Millisecond,
	}
	if p.change != nil {
		p.change(&c)
	}
	if h.door, err = board.New(ctx, c); err != nil {
		cancel()
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { h.releases.Run(ctx) })
	if !p.blind {
		running.Go(func() { h.door.Run(ctx) })
	}
	server := httptest.NewServer(h.door)
	h.url = server.URL
	h.stop = sync.OnceFunc(func() {
		server.Close()
		cancel()
		running.Wait()
		if p.blind {
			h.door.Run(ctx) // it closes the directories
		}
		h.rooms.Stop()
	})
	t.Cleanup(h.stop)
	return h
}

// again stops the house and builds another on what it kept.
func (h *house) again(p plan) *house {
	h.t.Helper()
	h.stop()
	p.data = h.data
	return build(h.t, p)
}

// put writes a file of the directories.
func (h *house) put(path, text string) {
	h.t.Helper()
	at := filepath.Join(h.ota, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// lies tells whether a file of the directories has a text.
func (h *house) lies(path, text string) bool {
	b, err := os.ReadFile(filepath.Join(h.ota, path))
	return err == nil && string(b) == text
}

func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	roomtest.Eventually(h.t, what, ok)
}

// app waits until there is an app for a kind of board whose newest commit has these files.
func (h *house) app(kind string, files map[string]string) roost.App {
	h.t.Helper()
	var app roost.App
	h.eventually(kind+" is as it shall be", func() bool {
		var ok bool
		if app, ok = h.releases.BoardApp(roost.Home, kind); !ok {
			return false
		}
		return h.hasFiles(app, files)
	})
	return app
}

func (h *house) hasFiles(app roost.App, files map[string]string) bool {
	c, err := h.releases.Commit(h.t.Context(), roost.Home, app.ID, "")
	if err != nil || len(c.Files) != len(files) {
		return false
	}
	for name, text := range files {
		got, err := h.releases.Content(h.t.Context(), roost.Home, app.ID, c.ID, name)
		if err != nil || got != text {
			return false
		}
	}
	return true
}

// commits gives those of an app, newest first.
func (h *house) commits(app roost.App) []roost.Commit {
	h.t.Helper()
	all, err := h.releases.Commits(h.t.Context(), roost.Home, app.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// edit commits as the editor does.
func (h *house) edit(app roost.App, files map[string]string) roost.Commit {
	h.t.Helper()
	c, err := h.releases.MakeCommit(h.t.Context(), roost.Home, app.ID, release.NewCommit{Message: "edit", Author: "ada", Origin: "editor", Files: files})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// object is JSON as it came.
type object map[string]any

// post asks as a board does.
func (h *house) post(path string, body any) (int, object) {
	h.t.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		text = string(b)
	}
	r, err := http.Post(h.url+path, "application/json", strings.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Body.Close()
	if r.ContentLength < 0 || r.Header.Get("Content-Type") != "application/json" {
		h.t.Errorf("%s: length %d, type %q", path, r.ContentLength, r.Header.Get("Content-Type"))
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	var answer object
	if err := json.Unmarshal(b, &answer); err != nil {
		h.t.Fatalf("%s: %s: %v", path, b, err)
	}
	return r.StatusCode, answer
}

// ok posts, and wants 200.
func (h *house) ok(path string, body any) object {
	h.t.Helper()
	status, answer := h.post(path, body)
	if status != http.StatusOK {
		h.t.Fatalf("%s: %d %v", path, status, answer)
	}
	h.eventually("the answer is written down", func() bool { return !h.door.Busy(ref) })
	return answer
}

const (
	mac = "28:CD:C1:01:02:03"
	id  = roost.ThingID("meter-28cdc1010203")
)

var ref = roost.Ref{Project: roost.Home, Thing: id}

func hash(text string) string {
	s := md5.Sum([]byte(text))
	return hex.EncodeToString(s[:])
}

func hashes(files map[string]string) map[string]string {
	all := map[string]string{}
	for name, text := range files {
		all[name] = hash(text)
	}
	return all
}

// boot asks for files with those that the board has, and gives its answer.
func (h *house) boot(files map[string]string) object {
	h.t.Helper()
	return h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", "device_type": "pico_w", "hashes": hashes(files)})
}

func (h *house) beat(telemetry object) object {
	h.t.Helper()
	return h.ok("/iot/heartbeat", object{"device_id": id, "uptime_ms": 1000, "free_mem": 90000, "rssi": -61, "ip": "10.0.0.7", "telemetry": telemetry})
}

var meter = map[string]string{"app.py": "DEVICE_TYPE = 'pico'\n", "main.py": "import app\n", "vl53l0x.py": "# a driver: é\n"}

// meterHouse has the directory boot/meter with three files.
func meterHouse(t testing.TB, p plan) (*house, roost.App) {
	t.Helper()
	h := build(t, p)
	for name, text := range meter {
		h.put("boot/meter/"+name, text)
	}
	return h, h.app("meter", meter)
}

// log gives the texts of a thing's log, oldest first.
func (h *house) log() string {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.rooms.Telemetry.Settle(ctx); err != nil {
		h.t.Fatal(err)
	}
	lines, err := h.rooms.Telemetry.LogOf(ctx, ref, 0, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for i := len(lines) - 1; i >= 0; i-- {
		all = append(all, lines[i].Text)
	}
	return strings.Join(all, "\n")
}

// things counts those that there are.
func (h *house) things() (n int) {
	h.rooms.Registry.Each(roost.Home, func(roost.Thing, []roost.Resource) bool { n++; return true })
	return n
}

// look looks at the directories, so much later than at the last time.
func (h *house) look(later time.Duration) {
	if h.at.IsZero() {
		h.at = time.Now()
	}
	h.at = h.at.Add(later)
	h.door.LookAt(h.t.Context(), h.at)
}
