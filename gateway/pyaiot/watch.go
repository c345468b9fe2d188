package pyaiot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// WatchConfig says which broker is watched, and who is told.
type WatchConfig struct {
	URL     string          // of its /ws: "ws://broker.example.org:8000/ws"
	Token   string          // API token, for a Roost that asks for one; "" is none
	Core    gateway.Core    // takes the things
	Project roost.ProjectID // whose they are; "" is roost.Home
	Log     *slog.Logger
}

// Watch is a page of a broker elsewhere, Roost's or any that speaks as Pyaiot's: it
// sees the broker's things as if they had come to a door here, and their commands go
// there. The broker vouches for them.
type Watch struct {
	cfg    WatchConfig
	broker string // its name: host and port
	things map[string]*watched

	mu     sync.Mutex
	conn   *websocket.Conn // nil: none
	status WatchStatus
}

// WatchStatus is how a Watch is doing.
type WatchStatus struct {
	Connected bool
	Since     time.Time // when Connected last changed
	Things    int       // that the broker has announced on this connection
	LastError string
}

const (
	watchDial  = 10 * time.Second
	watchPing  = 20 * time.Second // and as long for the answer
	watchRetry = 30 * time.Second // at most, between two tries
	watchWrite = 10 * time.Second
	watchLimit = 10 << 20 // bytes of a message, as Pyaiot
	maxWatched = 100_000  // things
	farewells  = time.Second
)

// NewWatch makes one; Run sets it going.
func NewWatch(cfg WatchConfig) *Watch {
	if cfg.Project == "" {
		cfg.Project = roost.Home
	}
	w := &Watch{cfg: cfg, broker: cfg.URL, things: map[string]*watched{}, status: WatchStatus{Since: time.Now()}}
	if u, err := url.Parse(cfg.URL); err == nil && u.Host != "" {
		w.broker = u.Host
	}
	return w
}

// Status tells how it is doing.
func (w *Watch) Status() WatchStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Run connects, again and again, until ctx ends. Whatever a broker does or answers is
// no reason to give up.
func (w *Watch) Run(ctx context.Context) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for wait := time.Second; ; wait = min(2*wait, watchRetry) {
		met, err := w.session(ctx, client)
		if ctx.Err() != nil {
			return
		}
		if met {
			wait = time.Second
		}
		w.cfg.Log.Warn("broker not there; trying again", "remote", w.broker, "err", err)
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-ctx.Done():
			return
		}
	}
}

// session is one connection; met: the broker took it.
func (w *Watch) session(ctx context.Context, client *http.Client) (met bool, err error) {
	conn, err := w.dial(ctx, client)
	w.connected(conn, err)
	if err != nil {
		return false, err
	}
	w.cfg.Log.Info("broker connected", "remote", w.broker)
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { // read ends by it
		hurry := time.AfterFunc(farewells, end)
		defer hurry.Stop()
		_ = conn.Close(websocket.StatusGoingAway, "the page is closed")
		end()
	})
	var alive sync.WaitGroup
	alive.Go(func() { w.keep(open, conn, end) })
	if err = w.say(conn, announceText); err == nil {
		err = w.read(open, conn)
	}
	if !stop() {
		<-open.Done() // the farewell has been said
	}
	end()
	_ = conn.CloseNow()
	alive.Wait()
	w.connected(nil, err)
	w.leaveAll()
	return true, err
}

func (w *Watch) dial(ctx context.Context, client *http.Client) (*websocket.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, watchDial)
	defer stop()
	o := &websocket.DialOptions{HTTPClient: client}
	if w.cfg.Token != "" {
		o.HTTPHeader = http.Header{"Authorization": {"Bearer " + w.cfg.Token}}
	}
	conn, answer, err := websocket.Dial(ctx, w.cfg.URL, o) //nolint:bodyclose // Dial does
	switch {
	case err != nil && answer != nil && answer.StatusCode != http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("the broker answers %s", answer.Status)
	case err != nil:
		return nil, fmt.Errorf("connect: %w", err)
	}
	conn.SetReadLimit(watchLimit)
	return conn, nil
}

// connected notes that there is a connection, or none any more.
func (w *Watch) connected(conn *websocket.Conn, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
	if is := conn != nil; is != w.status.Connected {
		w.status.Connected, w.status.Since = is, time.Now()
	}
	w.status.Things = 0
	if err != nil {
		w.status.LastError = err.Error()
	}
}

// keep makes sure that the broker is still there, though nothing happens.
func (w *Watch) keep(ctx context.Context, conn *websocket.Conn, end func()) {
	tick := time.NewTicker(watchPing)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			pong, stop := context.WithTimeout(ctx, watchPing)
			err := conn.Ping(pong)
			stop()
			if err != nil {
				end()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// announceText makes the broker tell all it knows, and go on telling.
const announceText = `{"type":"new","data":"client"}`

func (w *Watch) say(conn *websocket.Conn, text string) error {
	ctx, stop := context.WithTimeout(context.Background(), watchWrite)
	defer stop()
	return conn.Write(ctx, websocket.MessageText, []byte(text))
}

func (w *Watch) read(ctx context.Context, conn *websocket.Conn) error {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		m, err := wire.Parse(text)
		if err != nil { // of no use; a page would ignore it
			w.cfg.Log.Debug("message not understood", "remote", w.broker, "err", err)
			continue
		}
		w.take(ctx, m)
	}
}

// take does what a message says.
func (w *Watch) take(ctx context.Context, m wire.Message) {
	uid := string(m.UID)
	t := w.things[uid]
	switch {
	case m.Type == wire.New && uid != "" && len(uid) <= maxWord:
		w.announced(ctx, uid)
	case t == nil: // unknown to pages, too
	case m.Type == wire.Update:
		name := strings.TrimPrefix(string(m.Endpoint), "/")
		if name != "" && len(name) <= maxWord && m.Data != nil {
			w.value(ctx, t, name, roost.Value(m.Data))
		}
	case m.Type == wire.Reset:
		if w.arrive(ctx, t, true) {
			w.report(ctx, t, t.lasting()...)
		}
	case m.Type == wire.Out:
		w.leave(t)
	}
}

func (w *Watch) announced(ctx context.Context, uid string) {
	t := w.things[uid]
	if t == nil {
		if len(w.things) >= maxWatched {
			return
		}
		t = &watched{w: w, uid: uid, facts: map[string]roost.Value{}}
		w.things[uid] = t
	}
	if !t.here {
		t.here = true
		w.mu.Lock()
		w.status.Things++
		w.mu.Unlock()
	}
	w.arrive(ctx, t, false)
}

// value hands one to the rooms, and what the thing is first.
func (w *Watch) value(ctx context.Context, t *watched, name string, v roost.Value) {
	v = tidy(name, v)
	if t.learn(name, v) {
		w.arrive(ctx, t, false)
	}
	if t.forgotten.Swap(false) { // deleted here by a person, and alive
		w.arrive(ctx, t, false)
	}
	w.report(ctx, t, roost.Resource{Name: name, Value: v})
}

func (w *Watch) report(ctx context.Context, t *watched, values ...roost.Resource) {
	if len(values) == 0 || t.ref.Thing == "" {
		return
	}
	err := w.cfg.Core.Report(ctx, t.ref, values)
	if kind := roost.KindOf(err); err != nil && kind != roost.Denied && kind != roost.NotFound {
		w.cfg.Log.Debug("reading lost", "thing", t.uid, "err", err)
	}
}

// arrive tells the rooms that a thing is there, and whether they let it in.
func (w *Watch) arrive(ctx context.Context, t *watched, restarted bool) bool {
	address := t.fact("ip")
	if address == "" {
		address = w.broker
	}
	standing, err := w.cfg.Core.Arrive(ctx, gateway.Arrival{
		Project: w.cfg.Project, Identity: roost.Identity{Door: doorName, Own: t.uid},
		Protocol: roost.Protocol(t.fact("protocol")), Address: address, Gateway: w.broker,
		Restarted: restarted, Bound: true, Link: t,
	})
	if standing.Ref.Thing != "" {
		t.ref = standing.Ref
	}
	if err != nil && roost.KindOf(err) != roost.Denied {
		w.cfg.Log.Warn("thing not taken in", "thing", t.uid, "err", err)
	}
	return err == nil
}

// leave tells the rooms that a thing is gone; also while they close.
func (w *Watch) leave(t *watched) {
	if !t.here {
		return
	}
	t.here = false
	w.mu.Lock()
	w.status.Things = max(0, w.status.Things-1)
	w.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	if err := w.cfg.Core.Leave(ctx, t.ref, t); err != nil && roost.KindOf(err) != roost.NotFound {
		w.cfg.Log.Warn("thing not signed off", "thing", t.uid, "err", err)
	}
}

func (w *Watch) leaveAll() {
	for _, t := range w.things {
		w.leave(t)
	}
}

// send writes one message to the broker, if it is there.
func (w *Watch) send(text string) error {
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	if conn == nil {
		return command.ErrGone
	}
	if err := w.say(conn, text); err != nil {
		return errors.Join(command.ErrGone, fmt.Errorf("send to broker %s: %w", w.broker, err))
	}
	return nil
}

// commandText is what a page sends to set a resource.
func commandText(uid, endpoint, payload string) string {
	var m struct {
		Type string `json:"type"`
		Data struct {
			UID      string `json:"uid"`
			Endpoint string `json:"endpoint"`
			Payload  string `json:"payload"`
		} `json:"data"`
	}
	m.Type, m.Data.UID, m.Data.Endpoint, m.Data.Payload = "update", uid, endpoint, payload
	text, err := json.Marshal(m)
	if err != nil { // strings always encode
		return ""
	}
	return string(text)
}
