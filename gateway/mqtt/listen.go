package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/websocket"
)

// transport is what the door's listeners and connections need.
type transport struct {
	limits limits

	listening sync.Mutex
	shut      bool // no more listeners and connections
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	work      sync.WaitGroup // one for each connection
}

// limits of connections; zero means what stands behind each.
type limits struct {
	conns     int           // 200,000
	packet    int           // bytes, inbound: 1 MiB
	greeting  time.Duration // until CONNECT must have come: 10 s
	patience  time.Duration // for a write to a client that does not read: 30 s
	keepAlive uint16        // s, the longest; 0: any
	alias     uint16        // topic aliases of one client, inbound: 32
}

const (
	defaultConns    = 200_000
	defaultPacket   = 1 << 20
	defaultGreeting = 10 * time.Second
	defaultPatience = 30 * time.Second
	defaultAliases  = 32
	// parting is how long a client may take to read our last words.
	parting = time.Second
	// pause is how long a listener rests after an error that will pass.
	pause = 50 * time.Millisecond
)

func orElse[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

func (l *limits) fill() {
	l.conns = orElse(l.conns, defaultConns)
	l.packet = orElse(l.packet, defaultPacket)
	l.greeting = orElse(l.greeting, defaultGreeting)
	l.patience = orElse(l.patience, defaultPatience)
	l.alias = orElse(l.alias, defaultAliases)
}

// errShut is what Serve gives after the door's end.
var errShut = errors.New("the MQTT door is shut")

// Serve takes connections, plain or TLS, until the listener is closed or the door
// shut; either is no error. The door closes the listener.
func (d *Door) Serve(l net.Listener) error {
	if !d.enter(l) {
		_ = l.Close()
		return errShut
	}
	defer d.leave(l)
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			d.attach(&conn{line: newTCPLine(nc), remote: nc.RemoteAddr().String()})
		case errors.Is(err, net.ErrClosed):
			return nil
		case passes(err):
			d.log.Warn("MQTT connection not accepted", "err", err)
			time.Sleep(pause)
		default:
			return fmt.Errorf("accept MQTT connection: %w", err)
		}
	}
}

// passes says that an error of Accept has its cause elsewhere: too many open files.
func passes(err error) bool {
	temporary, ok := err.(interface{ Temporary() bool })
	return ok && temporary.Temporary()
}

func (d *Door) enter(l net.Listener) bool {
	d.listening.Lock()
	defer d.listening.Unlock()
	if d.shut {
		return false
	}
	if d.listeners == nil {
		d.listeners = map[net.Listener]struct{}{}
	}
	d.listeners[l] = struct{}{}
	return true
}

func (d *Door) leave(l net.Listener) {
	d.listening.Lock()
	defer d.listening.Unlock()
	delete(d.listeners, l)
	_ = l.Close()
}

// ServeHTTP is /mqtt: MQTT over WebSocket, with the subprotocol "mqtt". Old clients of
// MQTT 3.1 call it "mqttv3.1", and some name none.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.Check(w, r) {
		return
	}
	protocol, ok := subprotocol(r)
	if !ok {
		http.Error(w, `The subprotocol must be "mqtt".`, http.StatusBadRequest)
		return
	}
	if !d.roomy() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many MQTT connections, or Roost is stopping.", http.StatusServiceUnavailable)
		return
	}
	remote := r.RemoteAddr
	ws, err := websocket.Accept(w, r, websocket.Options{Protocol: protocol, MaxMessage: d.lines().packet + frameRoom})
	if err != nil {
		d.log.Debug("websocket not opened", "protocol", "mqtt", "remote", remote, "err", err)
		return
	}
	d.attach(&conn{line: newWebLine(ws), remote: remote, abroad: abroad(r)})
}

// abroad says that a browser asks for a page that is not ours. What such a page may do
// it must show a password for: everybody can be lured to a page.
func abroad(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// frameRoom is how much longer than a packet a message may be: it may hold several.
const frameRoom = 64 << 10

func subprotocol(r *http.Request) (string, bool) {
	offered := r.Header.Values("Sec-WebSocket-Protocol")
	if len(offered) == 0 {
		return "", true
	}
	all := strings.FieldsFunc(strings.Join(offered, ","), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
	for _, known := range []string{"mqtt", "mqttv3.1"} {
		if slices.Contains(all, known) {
			return known, true
		}
	}
	return "", false
}

// lines gives the limits, filled in.
func (d *Door) lines() limits {
	l := d.limits
	l.fill()
	return l
}

func (d *Door) roomy() bool {
	d.listening.Lock()
	defer d.listening.Unlock()
	return !d.shut && len(d.conns) < d.lines().conns
}

// attach starts the life of a connection.
func (d *Door) attach(c *conn) {
	c.d, c.limits = d, d.lines()
	d.listening.Lock()
	if d.shut || len(d.conns) >= c.limits.conns {
		d.listening.Unlock()
		c.line.close(false)
		return
	}
	if d.conns == nil {
		d.conns = map[*conn]struct{}{}
	}
	d.conns[c] = struct{}{}
	d.work.Add(1)
	d.listening.Unlock()
	go func() {
		defer d.work.Done()
		c.live()
		d.listening.Lock()
		delete(d.conns, c)
		d.listening.Unlock()
	}()
}

// closeConns tells all connections that Roost is stopping and waits for their ends.
func (d *Door) closeConns() {
	d.listening.Lock()
	d.shut = true
	for l := range d.listeners {
		_ = l.Close()
	}
	for c := range d.conns {
		c.Cut(mqtt.ServerShuttingDown)
	}
	d.listening.Unlock()
	d.work.Wait()
}

// longLife is a context for what must be done although the rooms may be closing.
func (d *Door) longLife() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(d.life), drain)
}
