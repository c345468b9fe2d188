package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

)

const (
	// path of the hub's end.
	path = "/relay"
	// dialPatience is how long a connection may take to stand, welcome included.
	dialPatience = 15 * time.Second
	// writePatience is how long one message may take to be written.
	writePatience = 30 * time.Second
	// goodbye is how long the hub may take to answer the close frame.
	goodbye = time.Second
	// steady is how long a line must have stood for its loss to begin the back-off anew.
	steady = 30 * time.Second
	// deadAfter is how many beats of silence make a line dead.
	deadAfter = 3
)

// HubURL makes the URL of a path at a hub from what people write: HOST:PORT, or a
// URL of ws, wss, http or https. A path that is given stays.
func HubURL(hub, path string) (string, error) {
	if !strings.Contains(hub, "://") {
		hub = "ws://" + hub
	}
	u, err := url.Parse(hub)
	if err != nil {
		return "", fmt.Errorf("read address of the hub: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("address of the hub %q: it begins with ws:// or wss://", hub)
	}
	if u.Host == "" {
		return "", fmt.Errorf("address of the hub %q: it names no host", hub)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	return u.String(), nil
}

// Run keeps a line to the hub until ctx ends, whatever happens to it. Errors: a hub
// address of no use, and with Probe ErrForeign.
func (c *Client) Run(ctx context.Context) error {
	address, err := HubURL(c.cfg.Hub, path)
	if err != nil {
		return err
	}
	life, end := context.WithCancel(ctx)
	defer c.work.Wait()
	defer end()
	c.work.Go(func() { c.sweep(life) })
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: dialPatience}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	told := ""
	for failures := 0; ; failures++ {
		s := &session{c: c, life: life, ackNews: make(chan struct{}, 1)}
		err := s.run(ctx, client, address)
		if ctx.Err() != nil {
			return nil
		}
		if c.cfg.Probe && errors.Is(err, ErrForeign) {
			return err
		}
		if s.stood() > steady {
			failures = 0
		}
		wait := c.backOff(failures)
		if cause := plainCause(err); cause != told {
			told = cause
			c.log.Warn("no line to the hub; trying again and again", "remote", address, "err", err)
		} else {
			c.log.Debug("no line to the hub", "remote", address, "err", err, "wait", wait)
		}
		if s.welcomed {
			told = ""
		}
		c.note(func(st *Status) { st.LastError = plainCause(err) })
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// backOff doubles from firstWait to lastWait, with a quarter of jitter either way.
func (c *Client) backOff(failures int) time.Duration {
	wait := c.cfg.firstWait << min(failures, 16)
	if wait > c.cfg.lastWait || wait <= 0 {
		wait = c.cfg.lastWait
	}
	return wait*3/4 + rand.N(wait/2+1)
}

// plainCause is why there is no line, in words that stay the same while the cause does.
func plainCause(err error) string {
	if err == nil {
		return "The connection ended."
	}
	text := err.Error()
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil { // its text holds our port
		text = e.Op + ": " + e.Err.Error()
	}
	return cut(text, maxWord)
}

// note changes the status.
func (c *Client) note(f func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

// Status tells how the line stands.
func (c *Client) Status() Status {
	sp := c.spool.Stats()
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.status
	st.Things = c.present
	st.Spool = SpoolStatus{Entries: sp.Entries, Bytes: sp.Bytes, Oldest: sp.Oldest, Dropped: sp.Dropped}
	if !sp.Oldest.IsZero() {
		st.Lag = max(time.Since(sp.Oldest), 0)
	}
	if sp.Broken != nil {
		st.LastError = "The spool cannot be written: " + sp.Broken.Error()
	}
	return st
}

// session is one connection to the hub.
type session struct {
	c        *Client
	life     context.Context // of deliveries: they outlive the line
	conn     *websocket.Conn
	since    time.Time
	welcomed bool
	ackNews  chan struct{}
	heard    *time.Timer
}

func (s *session) stood() time.Duration {
	if !s.welcomed {
		return 0
	}
	return time.Since(s.since)
}

// run dials, and serves the line until it ends.
func (s *session) run(ctx context.Context, client *http.Client, address string) error {
	s.since = time.Now()
	dialing, stop := context.WithTimeout(ctx, dialPatience)
	defer stop()
	conn, resp, err := websocket.Dial(dialing, address, &websocket.DialOptions{ //nolint:bodyclose // Dial does
		HTTPClient: client, Subprotocols: []string{"token", s.c.cfg.Keys.Token(time.Now())},
	})
	if err != nil {
		return dialError(resp, err)
	}
	defer conn.CloseNow() //nolint:errcheck // it may have ended already
	conn.SetReadLimit(maxMessage)
	s.conn = conn
	version, err := s.greet(dialing)
	if err != nil {
		return err
	}
	s.welcomed = true
	s.c.log.Info("line to the hub stands", "remote", address, "version", version)
	s.c.note(func(st *Status) {
		now := time.Now()
		st.Connected, st.Since, st.LastSeen, st.Remote, st.Version, st.LastError = true, now, now, address, version, ""
	})
	defer s.c.note(func(st *Status) { st.Connected, st.Since = false, time.Now() })
	return s.serve(ctx)
}

// dialError says in words why a hub was not reached.
func dialError(resp *http.Response, err error) error {
	if resp == nil {
		return fmt.Errorf("connect to the hub: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("the hub refused this gateway's keys (401): is it the hub's key file, or was the key revoked? (%w)", err)
	case http.StatusNotFound:
		return fmt.Errorf("%w (404)", ErrForeign)
	}
	return fmt.Errorf("the hub answered %s: %w", resp.Status, err)
}

// greet says hello and waits for the welcome.
func (s *session) greet(ctx context.Context) (software string, err error) {
	next, _ := s.c.spool.Next()
	h := hello{
		Version: version, Software: s.c.cfg.Version, Name: cut(s.c.cfg.Name, maxWord), Instance: s.c.spool.Instance(),
		Doors: s.c.cfg.Doors, Clock: time.Now(), Next: next, Beat: s.c.beat(),
	}
	if err := s.conn.Write(ctx, websocket.MessageBinary, h.append(nil)); err != nil {
		return "", fmt.Errorf("greet the hub: %w", err)
	}
	for {
		_, b, err := s.conn.Read(ctx)
		if err != nil {
			return "", fmt.Errorf("greet the hub: %w", err)
		}
		m, err := parseHub(b)
		if err != nil {
			return "", err
		}
		if w, ok := m.(welcome); ok {
			if w.Version != version {
				return "", fmt.Errorf("the hub speaks version %d of this line, and we version %d", w.Version, version)
			}
			return w.Software, nil
		}
	}
}

func (c *Client) beat() beat {
	st := c.Status()
	return beat{
		Things: st.Things, Entries: st.Spool.Entries, Bytes: uint64(max(st.Spool.Bytes, 0)), Oldest: st.Spool.Oldest,
		Dropped: st.Spool.Dropped, Clock: time.Now(), Error: cut(st.LastError, maxWord),
	}
}

// serve reads and writes until one of them fails or ctx ends.
func (s *session) serve(ctx context.Context) error {
	line, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	s.heard = time.AfterFunc(deadAfter*s.c.cfg.beat, func() { cut(errors.New("the hub is silent")) })
	defer s.heard.Stop()
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { // politely
		defer close(told)
		hurry := time.AfterFunc(goodbye, func() { cut(nil) })
		defer hurry.Stop()
		_ = s.conn.Close(websocket.StatusNormalClosure, "the gateway stops")
		cut(nil)
	})
	defer func() {
		if !stop() {
			<-told
		}
	}()
	var parts sync.WaitGroup
	parts.Go(func() { cut(s.write(line)) })
	err := s.read(line)
	cut(err)
	_ = s.conn.CloseNow()
	parts.Wait()
	if cause := context.Cause(line); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// read takes what the hub says.
func (s *session) read(ctx context.Context) error {
	for {
		_, b, err := s.conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("read from the hub: %w", err)
		}
		s.heard.Reset(deadAfter * s.c.cfg.beat)
		s.c.note(func(st *Status) { st.LastSeen = time.Now() })
		m, err := parseHub(b)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case ack:
			s.c.spool.Acknowledge(uint64(m))
			poke(s.ackNews)
		case order:
			s.c.take(s.life, m)
		case cancel:
			s.c.drop(string(m))
		case farewell:
			s.c.remove(m)
		}
	}
}

// host is an address without its port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

