package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const password = "correct horse battery"

// house is a whole server on a real socket, with its rooms.
type house struct {
	*roomtest.Rooms
	t        testing.TB
	server   *Server
	accounts *account.Accounts
	releases *release.Releases
	boards   *board.Door
	agents   *agent.Door
	agentsAt string
	http     *httptest.Server
	logged   *logBuffer
}

// answered ends a command as its thing says.
func (h *house) answered(ref roost.Ref, id string, state roost.CommandState, result roost.Value, why string) {
	h.t.Helper()
	if err := h.Commands.Answer(h.t.Context(), ref, id, state, result, why); err != nil {
		h.t.Error(err)
	}
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// open starts a house; change may set what New takes.
func open(t testing.TB, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, logged: &logBuffer{}}
	h.Rooms = roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolApprove}})
	log := slog.New(slog.NewTextHandler(h.logged, nil))
	h.accounts = account.New(account.Config{Store: h.Store, Hash: account.Cost{MiB: 1, Passes: 1}, Log: log})
	h.openReleases(log)
	h.openBoards(log)
	h.agents = h.openAgents(log)
	c := Config{
		Registry: h.Registry, Telemetry: h.Telemetry, Commands: h.Commands, Switchboard: h.Switchboard,
		Accounts: h.accounts, Feed: h.Feed, Version: "test", Log: log,
		Simulator: simulator{}, TryApp: playTrial, Releases: h.releases, Pythings: &pythingsDoor{}, Boards: h.boards,
		Agents: h.agents, NewBoards: newBoards{h}, Runtime: playedRuntime{}, FirmwareDir: filepath.Join(t.TempDir(), "firmware"),
	}
	for _, f := range change {
		f(&c)
	}
	h.server = New(c)
	h.http = httptest.NewServer(h.server.Handler())
	t.Cleanup(h.http.Close)
	t.Cleanup(h.server.Close)
	return h
}

type simulator struct{}

func (simulator) Start(_ context.Context, kind, _ string) (string, error) {
	return "sim-" + kind + "-1", nil
}

// browser is one client with its own cookies, or a token.
type browser struct {
	t      testing.TB
	url    string
	client *http.Client
	token  string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	b := &browser{t: h.t, url: h.http.URL, client: &http.Client{Jar: jar, Transport: &http.Transport{}}}
	h.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// owner sets the house up and gives the owner's browser.
func (h *house) owner() *browser {
	h.t.Helper()
	token, err := h.accounts.SetupToken(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	b := h.browser()
	b.want(200, "POST", "/setup", map[string]any{"token": token, "name": "ada", "password": password})
	return b
}

// as gives a client with a token of a role, made by owner.
func (h *house) as(owner *browser, role string) *browser {
	h.t.Helper()
	b := h.browser()
	b.token = owner.want(201, "POST", "/tokens", map[string]any{"name": role, "role": role})["token"].(string)
	return b
}

// send sends one request; a string body goes as it stands.
func (b *browser) send(method, path string, body any, header ...string) (*http.Response, []byte) {
	b.t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	if path[0] != '!' { // what begins so is outside of the API
		path = "!" + apiRoot + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path[1:], reader)
	if err != nil {
		b.t.Fatal(err)
	}
	if reader != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, text
}

// want sends and wants a status; it gives the JSON object of the answer.
func (b *browser) want(status int, method, path string, body any, header ...string) map[string]any {
	b.t.Helper()
	res, text := b.send(method, path, body, header...)
	if res.StatusCode != status {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, status, text)
	}
	var m map[string]any
	if len(text) > 0 && json.Unmarshal(text, &m) != nil {
		b.t.Fatalf("%s %s: no JSON object: %s", method, path, text)
	}
	if status >= 400 && res.Header.Get("Content-Type") != "application/problem+json" {
		b.t.Errorf("%s %s: an error of type %q", method, path, res.Header.Get("Content-Type"))
	}
	return m
}

// link is the way to a simulated thing: it notes what it is sent.
type link struct {
	sent   chan roost.Command
	closed chan string
}

func newLink() *link {
	return &link{sent: make(chan roost.Command, 16), closed: make(chan string, 1)}
}

func (l *link) Send(_ context.Context, c roost.Command) error {
	l.sent <- c
	return nil
}

func (l *link) Close(reason string) {
	select {
	case l.closed <- reason:
	default:
	}
}

// arrive lets a thing be heard; vouched for, it needs no approval.
func (h *house) arrive(id string, vouched bool) *link {
	h.t.Helper()
	l := newLink()
	a := gateway.Arrival{
		Identity: roost.Identity{Door: "coap", Own: id}, Protocol: roost.CoAP, Address: "192.0.2.7:5683", Link: l,
	}
	if vouched {
		a.Gateway = "attic"
	}
	if _, err := h.Switchboard.Arrive(h.t.Context(), a); err != nil {
		h.t.Fatal(err)
	}
	return l
}

// report lets a thing say one value.
func (h *house) report(id, resource string, value roost.Value) {
	h.t.Helper()
	err := h.Switchboard.Report(h.t.Context(), h.server.ref(id), []roost.Resource{{Name: resource, Value: value}})
	if err != nil {
		h.t.Fatal(err)
	}
}

// eventually polls until ok, or fails after a minute.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}
