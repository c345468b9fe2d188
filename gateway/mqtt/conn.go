package mqtt

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/websocket"
)

// conn is the connection of one MQTT client: one goroutine reads (this file,
// connread.go); what is to be sent is written by whoever finds nobody writing
// (connwrite.go). While nothing happens it holds no buffers.
type conn struct {
	d      *Door
	line   line
	remote string
	limits limits
	abroad bool // a web page of another site has opened it

	late *time.Timer // ends a connection without CONNECT; nil: that has come

	// Of the goroutine that reads, once it has the CONNECT.
	version   mqtt.Version
	bridge    bool
	expires   bool // the session was asked to outlive the connection
	problems  bool // reason strings are wanted
	client    *broker.Client
	session   *broker.Session
	left      []byte   // of a packet that has not come whole yet
	topic     string   // of the last publication
	aliases   []string // inbound, MQTT 5
	farewell  broker.End
	keepAlive time.Duration // one and a half times what was said; 0: for ever

	outbound *outbound // topic aliases; nil: the client takes none

	cut atomic.Uint32 // the code with which to end; 0: go on

	// What is to be written (connwrite.go).
	mu      sync.Mutex
	acks    []byte // for who writes to take along
	woken   bool   // the session has something
	open    bool   // CONNACK is out
	writing bool
	broken  bool          // nothing is to be written any more
	torn    bool          // a write failed, maybe amid a packet
	room    chan struct{} // closed when acks are being written; nil: nobody waits
	quiet   chan struct{} // closed when nobody writes any more; nil: nobody waits
}

// line is what a connection runs on.
type line interface {
	// read gives feed what comes, a burst at a time, and calls done behind each, until one
	// of them or the line fails. Silence of more than dead() is os.ErrDeadlineExceeded.
	read(c *conn) error
	// try writes what goes without waiting: on some lines nothing.
	try(b []byte) int
	// write waits until all is written or patience ends.
	write(b []byte, patience time.Duration) error
	// halt makes read end at once, and a write soon. It does not block.
	halt()
	// close ends the line. With last words behind it, it lets the peer read them first.
	close(lastWords bool)
}

// errDone ends the reading of a connection that said DISCONNECT.
var errDone = errors.New("client has disconnected")

// live serves the connection from CONNECT to its end.
func (c *conn) live() {
	c.late = time.AfterFunc(c.limits.greeting, func() {
		if c.cut.CompareAndSwap(0, uint32(lateGreeting)) {
			c.line.halt()
		}
	})
	err := c.line.read(c)
	if c.late != nil {
		c.late.Stop()
	}
	c.finish(err)
}

// lateGreeting stands in conn.cut where no CONNECT came: there is nobody to tell.
const lateGreeting = 0x100

// Wake implements broker.Peer.
func (c *conn) Wake() {
	c.mu.Lock()
	c.woken = true
	start := c.open && !c.writing && !c.broken
	c.writing = c.writing || start
	c.mu.Unlock()
	if start {
		go c.pump()
	}
}

// Cut implements broker.Peer.
func (c *conn) Cut(code mqtt.ReasonCode) {
	if c.cut.CompareAndSwap(0, uint32(code)) {
		c.line.halt()
	}
}

// dead is how long the client may be silent; 0: for ever.
func (c *conn) dead() time.Duration { return c.keepAlive }

// finish ends the connection for the reason err, after reading has ended.
func (c *conn) finish(err error) {
	code, reason := c.verdict(err)
	if c.session == nil {
		said := code.Failed() && c.refuse(code, reason)
		c.line.close(said)
		return
	}
	end := c.farewell
	if !errors.Is(err, errDone) {
		end = broker.End{How: broker.Lost, Will: true}
		if code == mqtt.ServerShuttingDown {
			end = broker.End{How: broker.Stopped}
		}
	}
	c.hush()
	ctx, stop := c.d.longLife()
	defer stop()
	c.session.End(ctx, end)
	said := c.lastWords(code, reason)
	c.line.close(said || errors.Is(err, errDone))
	c.tell(code, reason)
}

// tell logs an end that the client did not ask for.
func (c *conn) tell(code mqtt.ReasonCode, reason string) {
	level := slog.LevelInfo
	switch {
	case !code.Failed() || code == mqtt.ServerShuttingDown:
		return
	case code == mqtt.SessionTakenOver: // two that have one id do it to each other for ever
		level = slog.LevelDebug
	}
	c.d.log.Log(c.d.life, level, "MQTT client cut off", "thing", c.id(), "remote", c.remote, "err", &mqtt.Error{Code: code, What: reason})
}

// id is the client id, as the client gave it.
func (c *conn) id() string {
	id, _, _ := strings.Cut(c.client.ID, "\x00")
	return id
}

// verdict is the code for DISCONNECT; Success: none is due.
func (c *conn) verdict(err error) (code mqtt.ReasonCode, reason string) {
	cut := c.cut.Load()
	wrong, ours := errors.AsType[*mqtt.Error](err)
	frame, framing := errors.AsType[*websocket.CloseError](err)
	switch {
	case errors.Is(err, errDone):
		return mqtt.Success, ""
	case cut == lateGreeting:
		return mqtt.Success, ""
	case cut != 0:
		return mqtt.ReasonCode(cut), ""
	case ours:
		return wrong.Code, wrong.What
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, websocket.ErrSilent):
		return mqtt.KeepAliveTimeout, "nothing was heard for one and a half times the keep alive"
	case framing && !frame.Peer:
		return mqtt.ProtocolError, frame.Reason
	}
	return mqtt.Success, "" // the client, or the network, has ended it
}
