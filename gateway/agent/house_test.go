package agent_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/telemetry"
	wire "github.com/roost-iot/roost/wire/agent"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// house is the door with the real rooms behind it, over a real store.
type house struct {
	t        testing.TB
	data     string
	rooms    *roomtest.Rooms
	releases *release.Releases
	door     *agent.Door
	server   *httptest.Server
	http     *http.Client
	stop     func()
}

// plan says how a house is built; its zero value lets everybody in.
type plan struct {
	data      string
	enrolment string
	telemetry telemetry.Config
	refuse    func() error // of sqlite.Config
	change    func(*agent.Config)
	wrap      func(http.Handler) http.Handler
	inside    bool // calls go to the door without a socket, for time that is played
}

// direct is a transport to a handler.
type direct struct{ to http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RemoteAddr = "127.0.0.1:1"
	d.to.ServeHTTP(w, r)
	return w.Result(), nil
}

func build(t testing.TB, p plan) *house {
	t.Helper()
	if p.data == "" {
		p.data = t.TempDir()
	}
	h := &house{t: t, data: p.data}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	h.rooms = roomtest.Open(t, roomtest.Config{Dir: p.data, Registry: registry.Config{Enrolment: p.enrolment}, Telemetry: p.telemetry, Refuse: p.refuse})
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	h.releases, err = release.Open(ctx, release.Config{Store: h.rooms.Store, Feed: h.rooms.Feed, Shelf: p.data + "/shelf", Log: log})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	c := agent.Config{
		Core: h.rooms.Switchboard, Releases: h.releases, Telemetry: h.rooms.Telemetry, Commands: h.rooms.Commands,
		Registry: h.rooms.Registry, Store: h.rooms.Store, Feed: h.rooms.Feed, Log: log, Runtime: runtime{}, Compiler: compiler{},
	}
	if p.change != nil {
		p.change(&c)
	}
	if h.door, err = agent.New(ctx, c); err != nil {
		cancel()
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { h.releases.Run(ctx) })
	running.Go(func() { h.door.Run(ctx) })
	var handler http.Handler = h.door
	if p.wrap != nil {
		handler = p.wrap(handler)
	}
	h.server = httptest.NewUnstartedServer(handler)
	if p.inside {
		h.server.Listener.Close()
		h.server.URL, h.http = "http://roost", &http.Client{Transport: direct{handler}}
	} else {
		h.server.Start()
		h.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
	}
	h.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if !p.inside {
			h.server.Close()
		}
		h.http.CloseIdleConnections()
		h.rooms.Stop()
	})
	t.Cleanup(h.stop)
	return h
}

// again is the house after a restart of Roost.
func (h *house) again(p plan) *house {
	h.t.Helper()
	h.stop()
	p.data = h.data
	return build(h.t, p)
}

// runtime is one of two files.
type runtime struct{}

func (runtime) Version() string { return "1.2.0" }

func (runtime) Files(_ context.Context, profile string, mpy int) (map[string][]byte, error) {
	if mpy == 6 {
		return map[string][]byte{"boot.py": []byte("boot"), "_f/rt/main.mpy": []byte("compiled " + profile), "_f/platform.mpy": []byte("p")}, nil
	}
	return map[string][]byte{"boot.py": []byte("boot"), "_f/rt/main.py": []byte("source " + profile), "_f/platform.py": []byte("p")}, nil
}

func (runtime) ROM(context.Context) ([]byte, error) { return []byte("\xd2\xcd1 image of 1.2.0"), nil }

// compiler compiles all but what says that it has a fault.
type compiler struct{}

func (compiler) Compile(_ context.Context, _ string, source []byte) ([]byte, error) {
	if string(source) == "fault" {
		return nil, errors.New("syntax")
	}
	return append([]byte("M\x06"), source...), nil
}

// app makes an app of files, the things of which follow new commits.
func (h *house) app(files map[string]string) roost.App {
	h.t.Helper()
	a, err := h.releases.CreateApp(h.t.Context(), roost.Home, release.NewApp{Name: "Garden", Latest: true, Files: files})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) commit(a roost.App, files map[string]string) string {
	h.t.Helper()
	c, err := h.releases.MakeCommit(h.t.Context(), roost.Home, a.ID, release.NewCommit{Files: files})
	if err != nil {
		h.t.Fatal(err)
	}
	return c.ID
}

// board makes a thing and the client that has its key.
func (h *house) board(app roost.AppID) *desk.Client {
	h.t.Helper()
	ref, key, err := h.door.NewBoard(h.t.Context(), roost.Home, "board", app, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return &desk.Client{URL: h.server.URL, ID: string(ref.Thing), Key: key, HTTP: h.http}
}

func ref(c *desk.Client) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(c.ID)} }

// said is what a board registers with.
func said(boot string) wire.Register {
	return wire.Register{
		Boot: boot, MAC: "28cdc1010203", Platform: "esp32", Machine: "ESP32", Python: "micropython 1.27.0", MPY: 6, Profile: "full",
		OS: "1.0.0", App: "0", Reset: "power on", Meta: `{"board":"led"}`, Resources: []wire.Resource{{Name: "led", Set: true}},
	}
}

func (h *house) register(c *desk.Client, r wire.Register) wire.RegisterAnswer {
	h.t.Helper()
	a, err := c.Register(h.t.Context(), r)
	if err != nil {
		h.t.Fatalf("register %s: %v", c.ID, err)
	}
	return a
}

func (h *house) sync(c *desk.Client, s wire.Sync) wire.Answer {
	h.t.Helper()
	if s.Boot == "" {
		s.Boot = boot1
	}
	a, err := c.Sync(h.t.Context(), s)
	if err != nil {
		h.t.Fatalf("sync of %s: %v", c.ID, err)
	}
	return a
}

// until syncs until an answer is as wanted.
func (h *house) until(c *desk.Client, s wire.Sync, what string, ok func(wire.Answer) bool) wire.Answer {
	h.t.Helper()
	for end := time.Now().Add(roomtest.Patience); time.Now().Before(end); {
		s.Wait = 1
		a := h.sync(c, s)
		if a.Settings != nil {
			s.Set = a.Settings.Tag
		}
		if ok(a) {
			return a
		}
	}
	h.t.Fatalf("never: %s", what)
	return wire.Answer{}
}

func (h *house) submit(c *desk.Client, kind roost.CommandKind, resource string, v roost.Value) roost.Command {
	h.t.Helper()
	cmd, err := h.rooms.Commands.Submit(h.t.Context(), command.Request{Ref: ref(c), Kind: kind, Resource: resource, Value: v, By: "ada"})
	if err != nil {
		h.t.Fatal(err)
	}
	return cmd
}

// state waits for a state of a command.
func (h *house) state(id string, want roost.CommandState) roost.Command {
	h.t.Helper()
	var got roost.Command
	roomtest.Eventually(h.t, "command "+string(want), func() bool {
		c, err := h.rooms.Commands.Find(h.t.Context(), roost.Home, id)
		got = c
		return err == nil && c.State == want
	})
	return got
}

func (h *house) messages(c *desk.Client) []string {
	h.t.Helper()
	all, err := h.rooms.Telemetry.Messages(h.t.Context(), ref(c), roost.MessageQuery{Oldest: true})
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, m := range all {
		out = append(out, string(m.Data))
	}
	return out
}

func (h *house) logged(c *desk.Client) (texts []string) {
	h.t.Helper()
	if err := h.rooms.Telemetry.Settle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	all, err := h.rooms.Telemetry.LogOf(h.t.Context(), ref(c), 0, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := len(all) - 1; i >= 0; i-- {
		texts = append(texts, all[i].Text)
	}
	return texts
}

// status is what a client was refused with, 0 if it was not.
func status(err error) (int, string) {
	var r *desk.RefusedError
	if errors.As(err, &r) {
		return r.Status, r.State
	}
	return 0, ""
}

const (
	boot1 = "00000001"
	boot2 = "00000002"
)

func hexed(b []byte) string { return hex.EncodeToString(b) }
