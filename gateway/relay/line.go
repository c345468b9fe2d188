package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/gateway"
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
	// deadAfter is how many beats of silence make a line dead.
	deadAfter = 3
)

// Run keeps a line to the hub until ctx ends, whatever happens to it. Errors: a hub
// address of no use, and with Probe ErrForeign, unless a line stood before: what answers
// then is a proxy whose hub is away.
func (c *Client) Run(ctx context.Context) error {
	address, err := gateway.LineURL(c.cfg.Hub, path)
	if err != nil {
		return fmt.Errorf("address of the hub: %w", err)
	}
	life, end := context.WithCancel(ctx)
	defer c.saveMemory()
	defer c.work.Wait()
	defer end()
	c.work.Go(func() { c.sweep(life) })
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: dialPatience}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	redial := gateway.Redial{Remote: address, Log: c.log, First: c.cfg.firstWait, Last: c.cfg.lastWait}
	if c.cfg.Probe {
		redial.Final = func(err error) bool { return errors.Is(err, ErrForeign) && !c.stood.Load() }
	}
	return redial.Run(ctx, func(ctx context.Context) (time.Duration, error) {
		s := &session{c: c, life: life, ackNews: make(chan struct{}, 1)}
		err := s.run(ctx, client, address)
		c.note(func(st *Status) { st.LastError = cut(gateway.Cause(err), maxWord) })
		return s.stood(), err
	})
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
	dialing, stop := context.WithTimeout(ctx, s.c.cfg.patience)
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
	s.c.stood.Store(true)
	s.c.log.Info("line to the hub stands", "remote", gateway.Shown(address), "version", version)
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
	case http.StatusNotFound, http.StatusOK: // 200: a page
		return fmt.Errorf("%w (it answers %s)", ErrForeign, resp.Status)
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
