package pyaiot

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// client is one web client.
type client struct {
	Visitor
	d         *Door
	conn      *websocket.Conn
	id        string
	announced bool        // belongs to the reading goroutine
	replaying atomic.Bool // a snapshot was asked for and is not out yet
}

// ServeClient is /ws.
func (d *Door) ServeClient(w http.ResponseWriter, r *http.Request) {
	if d.cfg.Clients == ClientsOff {
		http.NotFound(w, r)
		return
	}
	if !websocket.Check(w, r) {
		return
	}
	v, err := d.visitor(r)
	if err != nil {
		d.cfg.Log.Debug("Pyaiot client refused", "remote", r.RemoteAddr, "err", err)
		http.Error(w, roost.Message(err), statusOf(err))
		return
	}
	if v.Project == "" {
		v.Project = roost.Home
	}
	c := &client{Visitor: v, d: d, id: newUUID()}
	d.attach(w, r, d.clients, websocket.Options{}, c.serve)
}

// visitor tells who asks. A cookie travels with requests that any page makes, so
// it counts only for pages of our own; a token is given on purpose.
func (d *Door) visitor(r *http.Request) (Visitor, error) {
	if d.cfg.Clients == ClientsOpen {
		return Visitor{By: "pyaiot page", Project: d.cfg.Project, Command: true}, nil
	}
	if d.cfg.Authenticate == nil {
		return Visitor{}, roost.Errorf(roost.Unauthorized, "Nobody is let in here.")
	}
	if r.URL.Query().Get("token") == "" && r.Header.Get("Authorization") == "" && !d.sameOrigin(r) {
		return Visitor{}, roost.Errorf(roost.Denied, "A page from elsewhere needs a token.")
	}
	return d.cfg.Authenticate(r)
}

// sameOrigin holds for our own pages and for what is no browser.
func (d *Door) sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	public, err := url.Parse(d.cfg.PublicURL)
	return err == nil && public.Host != "" && strings.EqualFold(u.Scheme, public.Scheme) && strings.EqualFold(u.Host, public.Host)
}

func statusOf(err error) int {
	switch roost.KindOf(err) {
	case roost.Unauthorized:
		return http.StatusUnauthorized
	case roost.Denied:
		return http.StatusForbidden
	case roost.TooMany:
		return http.StatusTooManyRequests
	case roost.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// serve reads until the connection ends, then waits for the writer.
func (c *client) serve(conn *websocket.Conn) {
	c.conn = conn
	if c.Again != nil {
		c.d.expect(c, true)
		defer c.d.expect(c, false)
	}
	ctx, stop := context.WithCancel(c.d.life)
	writer := make(chan struct{})
	err := c.read(ctx, writer)
	stop() // no frame may follow the close frame
	if c.announced {
		c.d.hub.forget(c)
	}
	finish(conn, err)
	if c.announced {
		<-writer
	}
	c.d.detach(c.d.clients, conn)
}

func (c *client) read(ctx context.Context, writer chan struct{}) error {
	for {
		m, _, err := next(c.conn)
		if err != nil {
			return err
		}
		switch m.Type {
		case wire.New:
			c.announce(ctx, writer)
		case wire.Update:
			c.command(ctx, m.Data)
		case wire.Out, wire.Reset: // valid, and nothing a client can say
		}
	}
}

// announce makes the client see the fleet, or see it again from the start.
func (c *client) announce(ctx context.Context, writer chan struct{}) {
	if !c.announced {
		c.announced = true
		c.replaying.Store(true)
		reader, done := c.d.hub.watch(c)
		go func() { // serve waits for it
			defer close(writer)
			defer reader.Close()
			if err := c.write(ctx, reader, done); ctx.Err() == nil {
				c.d.cfg.Log.Info("Pyaiot client cut", "client", c.id, "err", err)
				_ = c.conn.Abort() // the reader sees it
			}
		}()
		return
	}
	if !c.replaying.Swap(true) {
		c.d.hub.replay(c)
	}
}

// command hands a command to the rooms. Nobody is told of its fate, as with Pyaiot.
func (c *client) command(ctx context.Context, data []byte) {
	q, ok := wire.ParseCommand(data)
	if !ok || c.d.cfg.Submit == nil {
		return
	}
	v, err := c.now(ctx)
	if err != nil || !v.Command {
		return
	}
	ref := roost.Ref{Project: c.Project, Thing: roost.ThingID(q.UID)}
	if t, _, ok := c.d.cfg.Fleet.Get(ref); !ok || t.Enrolment != roost.Enrolled {
		return
	}
	if err := c.d.cfg.Submit(ctx, ref, q.Endpoint, roost.Value(q.Payload), v.By); err != nil {
		c.d.cfg.Log.Debug("command refused", "thing", ref.Thing, "err", err)
	}
}

// errBehind cuts a client that reads slower than the fleet speaks.
var errBehind = fmt.Errorf("client fell behind by more than %d bytes", ringBytes)
