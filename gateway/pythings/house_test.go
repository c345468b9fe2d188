package pythings_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/pythings"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// The app of the recordings.
const (
	recordedApp    = roost.AppID("5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10")
	recordedCommit = "1700000000"
	recordedWorker = "class WorkerTask(object):\n    def call(self):\n        return {'temperature_C': 20.5}\n"
	recordedTask   = "class ManagementTask(object):\n    def call(self, data):\n        return 'Got ' + str(data)\n"
)

// account is the id that devices of ada bring.
const account = "Abcdefghij0123456789XY"

// people is ada, whose project is Home.
type people struct{}

func (people) ByAccount(id string) (roost.Person, roost.ProjectID, bool) {
	return roost.Person{Name: "ada", Account: id}, roost.Home, id == account
}

// plan says how a house is built; its zero value lets everybody in.
type plan struct {
	dir       string
	enrolment string
	change    func(*pythings.Config)
	encrypt   bool // the settings of the recorded app say so
	seed      func(*roomtest.Rooms)
	handler   slog.Handler
}

// house is the door with the real rooms behind it, over a real store, with the app of
// the recordings in it.
type house struct {
	t        testing.TB
	dir      string
	rooms    *roomtest.Rooms
	releases *release.Releases
	door     *pythings.Door
	addr     string // plain
	sealed   string // TLS
	stop     func()
}

func build(t testing.TB, p plan) *house {
	t.Helper()
	return buildWith(t, p, registry.Config{Enrolment: p.enrolment})
}

func buildWith(t testing.TB, p plan, things registry.Config) *house {
	t.Helper()
	if p.dir == "" {
		p.dir = t.TempDir()
	}
	if p.handler == nil {
		p.handler = slog.DiscardHandler
	}
	log := slog.New(p.handler)
	h := &house{t: t, dir: p.dir}
	h.rooms = roomtest.Open(t, roomtest.Config{Dir: p.dir, Registry: things})
	seed(t, h.rooms, p.encrypt)
	if p.seed != nil {
		p.seed(h.rooms)
	}
	h.openReleases(log)
	giveKey(t, filepath.Join(p.dir, "secrets"))
	c := pythings.Config{
		Core: h.rooms.Switchboard, Releases: h.releases, Telemetry: h.rooms.Telemetry, Commands: h.rooms.Commands,
		Registry: h.rooms.Registry, Secrets: filepath.Join(p.dir, "secrets"), Log: log, Accounts: people{},
	}
	if p.change != nil {
		p.change(&c)
	}
	var err error
	if h.door, err = pythings.New(c); err != nil {
		t.Fatal(err)
	}
	h.listen()
	return h
}

// openReleases opens the room of apps, and runs it until the house stops.
func (h *house) openReleases(log *slog.Logger) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	h.releases, err = release.Open(ctx, release.Config{
		Store: h.rooms.Store, Feed: h.rooms.Feed, Shelf: filepath.Join(h.dir, "shelf"), Log: log,
	})
	if err != nil {
		cancel()
		h.t.Fatal(err)
	}
	var room sync.WaitGroup
	room.Go(func() { h.releases.Run(ctx) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		room.Wait()
		h.rooms.Stop()
	})
	h.t.Cleanup(h.stop)
}

func (h *house) listen() {
	mux := http.NewServeMux()
	for _, path := range []string{"/api/v1/", "/api/v0.2/", "/static/dist/PythingsOS/", "/prefix/api/v1/"} {
		mux.Handle(path, h.door)
	}
	plain, sealed := httptest.NewServer(mux), httptest.NewUnstartedServer(mux)
	sealed.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	sealed.StartTLS()
	h.addr, h.sealed = plain.Listener.Addr().String(), sealed.Listener.Addr().String()
	stop := h.stop
	h.stop = sync.OnceFunc(func() {
		plain.Close()
		sealed.Close()
		stop()
	})
	h.t.Cleanup(h.stop)
}

// again stops the house and builds another on what it kept.
func (h *house) again(p plan) *house {
	h.t.Helper()
	h.stop()
	p.dir = h.dir
	return build(h.t, p)
}

// seed keeps the recorded app, unless it is there.
func seed(t testing.TB, rooms *roomtest.Rooms, encrypt bool) {
	t.Helper()
	at := time.Unix(1700000000, 0)
	s := roost.AppSettings{OS: roost.Factory, App: recordedCommit, Management: 3, Worker: 5, SetupTimeout: 60, Encrypt: encrypt}
	var pools []roost.Pool
	for _, kind := range []roost.PoolKind{roost.Production, roost.Staging, roost.Development} {
		pools = append(pools, roost.Pool{Project: roost.Home, App: recordedApp, Name: string(kind), Kind: kind, Settings: s, Base: recordedCommit, Edited: at})
	}
	contents := []string{recordedTask, recordedWorker}
	files := make([]roost.SourceFile, 0, 2)
	for i, name := range []string{"management_task.py", "worker_task.py"} {
		files = append(files, roost.SourceFile{Name: name, Digest: sha256.Sum256([]byte(contents[i])), Size: len(contents[i])})
	}
	_, err := rooms.Store.MakeApp(context.Background(), roost.App{
		Project: roost.Home, ID: recordedApp, Name: "Lamp", DefaultPool: "development", By: "ada", Created: at, Edited: at,
	}, pools, roost.Commit{
		Project: roost.Home, App: recordedApp, ID: recordedCommit, Message: "first", Author: "ada", Origin: "editor", At: at, Files: files,
	}, contents)
	if err != nil && roost.KindOf(err) != roost.Conflict {
		t.Fatal(err)
	}
}

// newApp makes an app with files of its own.
func (h *house) newApp(n release.NewApp, files map[string]string) (roost.App, string) {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	a, err := h.releases.CreateApp(ctx, roost.Home, n)
	if err != nil {
		h.t.Fatal(err)
	}
	return a, h.commit(a.ID, files)
}

// commit makes a commit and gives its id; files nil: that of the newest.
func (h *house) commit(app roost.AppID, files map[string]string) string {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	if files == nil {
		all, err := h.releases.Commits(ctx, roost.Home, app)
		if err != nil {
			h.t.Fatal(err)
		}
		return all[0].ID
	}
	c, err := h.releases.MakeCommit(ctx, roost.Home, app, release.NewCommit{Message: "change", Author: "ada", Origin: "editor", Files: files})
	if err != nil {
		h.t.Fatal(err)
	}
	return c.ID
}

// pool changes the settings of a pool.
func (h *house) pool(app roost.AppID, name string, change roost.SettingsChange) {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, err := h.releases.ChangePool(ctx, roost.Home, app, name, release.PoolChange{Settings: change}); err != nil {
		h.t.Fatal(err)
	}
}

// send queues a message for a thing and gives its id.
func (h *house) send(ref roost.Ref, kind roost.CommandKind, v roost.Value) string {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	c, err := h.rooms.Commands.Submit(ctx, command.Request{Ref: ref, Kind: kind, Value: v, By: "ada"})
	if err != nil {
		h.t.Fatal(err)
	}
	return c.ID
}

// set asks a thing for what only other things do.
func (h *house) set(ref roost.Ref, resource string, v roost.Value) string {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	c, err := h.rooms.Commands.Submit(ctx, command.Request{Ref: ref, Kind: roost.Set, Resource: resource, Value: v, By: "ada"})
	if err != nil {
		h.t.Fatal(err)
	}
	return c.ID
}

// find gives a command as it stands.
func (h *house) find(project roost.ProjectID, id string) roost.Command {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	c, err := h.rooms.Commands.Find(ctx, project, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// log gives the log of a thing, oldest first.
func (h *house) log(ref roost.Ref) []roost.LogLine {
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
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return lines
}

// messages gives what the worker of a thing sent, oldest first.
func (h *house) messages(ref roost.Ref) []roost.WorkerMessage {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.rooms.Telemetry.Settle(ctx); err != nil {
		h.t.Fatal(err)
	}
	all, err := h.rooms.Telemetry.Messages(ctx, ref, roost.MessageQuery{Oldest: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// shelve puts an OS release on the shelf.
func (h *house) shelve(version, platform string, files map[string]string, order ...string) {
	h.t.Helper()
	dir := filepath.Join(h.t.TempDir(), version)
	at := filepath.Join(dir, platform)
	if err := os.MkdirAll(at, 0o700); err != nil {
		h.t.Fatal(err)
	}
	list := ""
	for _, name := range order {
		if err := os.WriteFile(filepath.Join(at, name), []byte(files[name]), 0o600); err != nil {
			h.t.Fatal(err)
		}
		list += "file:" + itoa(len(files[name])) + ":" + name + "\n"
	}
	if err := os.WriteFile(filepath.Join(at, "files.txt"), []byte(list), 0o600); err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, err := h.releases.AddFolder(ctx, dir); err != nil {
		h.t.Fatal(err)
	}
}

// devicePatience is how long a device waits for a byte.
const devicePatience = time.Minute

// dial opens a connection to an address of the house.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(devicePatience))
	return conn
}
