package sim

import (
	"context"
	"encoding/json"
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
)

const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	goodbye      = time.Second // for the other end to take the closing of a connection
)

// wsNode is a WebSocket node (docs/protocols/pyaiot.md).
type wsNode struct {
	*device
	f    *Fleet
	dice *dice
	log  *slog.Logger
}

// WS makes WebSocket nodes. Faults of c come out at Run.
func WS(c Config) *Fleet {
	return newFleet(c, "sim-ws-", func(f *Fleet, d *device, i int) node {
		return &wsNode{device: d, f: f, dice: newDice(f, i), log: f.log(d, string(roost.WebSocket))}
	})
}

// nodeURL is where the thing of that id connects. to: HOST:PORT or a URL.
func nodeURL(to, id string) (string, error) {
	if !strings.Contains(to, "://") {
		to = "ws://" + to
	}
	u, err := url.Parse(to)
	if err != nil {
		return "", fmt.Errorf("read address of the gateway: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("address of the gateway %q: must begin with ws:// or wss://", to)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/node"
	}
	q := u.Query()
	q.Set("id", id)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// live connects, again and again, until ctx ends.
func (n *wsNode) live(ctx context.Context) error {
	address, err := nodeURL(n.f.c.To, n.id)
	if err != nil {
		return err
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for failures := 0; ; failures++ {
		began := time.Now()
		err := n.session(ctx, client, address)
		if ctx.Err() != nil {
			return nil
		}
		n.f.count.lost.Add(1)
		n.log.Debug("connection lost", "remote", n.f.c.To, "err", err)
		if time.Since(began) > time.Minute {
			failures = 0
		}
		if !pause(ctx, backOff(failures)) {
			return nil
		}
	}
}

// session is one connection. When ctx ends it closes politely.
func (n *wsNode) session(ctx context.Context, client *http.Client, address string) error {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, answer, err := websocket.Dial(dialing, address, &websocket.DialOptions{HTTPClient: client}) //nolint:bodyclose // Dial does
	if err != nil {
		if answer != nil {
			n.f.count.refused.Add(1)
		}
		return fmt.Errorf("connect: %w", err)
	}
	conn.SetReadLimit(1 << 20)
	n.f.count.joined.Add(1)
	s := &wsSession{wsNode: n, conn: conn}
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer parts.Wait()
	defer end()
	polite := context.AfterFunc(ctx, func() {
		hurry := time.AfterFunc(goodbye, end)
		defer hurry.Stop()
		_ = conn.Close(websocket.StatusNormalClosure, "the thing leaves")
		end()
	})
	defer func() {
		if polite() {
			_ = conn.CloseNow()
		} else {
			<-open.Done() // the goodbye has been said
		}
	}()
	if slow, quick := n.sensed(); !n.f.c.Silent {
		parts.Go(func() { s.push(open, slow, n.f.c.Interval) })
		parts.Go(func() { s.push(open, quick, n.f.c.Interval/10) })
	}
	return s.read(open)
}

type wsSession struct {
	*wsNode
	conn *websocket.Conn
}

// fromGateway is what a gateway asks: a discovery, or a set of a resource.
type fromGateway struct {
	Request  string      `json:"request"`
	Endpoint string      `json:"endpoint"`
	Payload  roost.Value `json:"payload"`
}

func (s *wsSession) read(ctx context.Context) error {
	for {
		_, b, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		var m fromGateway
		if json.Unmarshal(b, &m) != nil {
			s.f.count.declined.Add(1)
			continue
		}
		if err := s.answer(ctx, m); err != nil {
			return err
		}
	}
}

// answer tells all values, or confirms a set by the new value.
func (s *wsSession) answer(ctx context.Context, m fromGateway) error {
	switch {
	case m.Request == "discover":
		s.f.count.asked.Add(1)
		return s.tell(ctx, s.resources)
	case m.Endpoint == "":
		s.f.count.declined.Add(1)
		return nil
	}
	if err := s.set(m.Endpoint, m.Payload.AsText()); err != nil {
		s.f.count.declined.Add(1)
		s.log.Debug("set refused", "err", err)
		return nil
	}
	s.f.count.sets.Add(1)
	return s.tell(ctx, []string{m.Endpoint})
}

// push tells values at every interval until ctx ends or the connection does.
func (s *wsSession) push(ctx context.Context, resources []string, every time.Duration) {
	if len(resources) == 0 || !pause(ctx, rand.N(every)) {
		return
	}
	for first := true; first || pause(ctx, every); first = false {
		if s.tell(ctx, resources) != nil {
			return
		}
	}
}

// tell sends the values of resources in one message.
func (s *wsSession) tell(ctx context.Context, resources []string) error {
	if s.dice.lost() {
		return nil
	}
	now := time.Now()
	b := []byte(`{"type": "update", "data": {`)
	for i, r := range resources {
		value, _ := s.value(r, now)
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, roost.Text(r)...)
		b = append(b, ": "...)
		b = append(b, roost.Text(value)...)
	}
	b = append(b, "}}"...)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, b); err != nil {
		return err
	}
	s.f.count.sent.Add(uint64(len(resources)))
	return nil
}
