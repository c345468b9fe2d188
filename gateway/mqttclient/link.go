package mqttclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// link is one connection.
type link struct {
	c       *Client
	conn    net.Conn
	version mqtt.Version

	// What the broker allows.
	inflight  int
	maxPacket int // 0: no limit

	// To be written; guarded by Client.mu.
	out     []byte
	writing bool
	room    chan struct{} // closed when out is being written; nil: nobody waits
	quiet   chan struct{} // closed when nobody writes any more; nil: nobody waits

	in   []byte // read and not used yet: in[from:]
	from int

	silence time.Duration // after so long one of us must have said something; 0: never
	heard   atomic.Int64  // Unix ns
	said    atomic.Int64
	pinged  atomic.Bool // and not answered

	ticking sync.Mutex // held by tick
	ticker  *time.Timer
	closed  bool // guarded by ticking

	why     atomic.Pointer[error] // it was cut on our side
	leaving atomic.Bool
	stay    func() bool   // takes back what the context's end would do
	left    chan struct{} // closed when that is done
}

const (
	keepBuffer = 512 // of the read buffer, while idle
	mostBuffer = 64 << 10
	// parting is how long a broker may take to swallow DISCONNECT.
	parting = time.Second
)

func (l *link) limit(ack *mqtt.Connack, keepAlive uint16) {
	l.inflight = l.c.o.Inflight
	if ack.ReceiveMaximum > 0 {
		l.inflight = min(l.inflight, int(ack.ReceiveMaximum))
	}
	l.maxPacket = int(ack.MaxPacket)
	if ack.HasKeepAlive {
		keepAlive = ack.KeepAlive
	}
	l.silence = time.Duration(keepAlive) * time.Second * 3 / 4
	now := time.Now().UnixNano()
	l.heard.Store(now)
	l.said.Store(now)
	if l.silence > 0 {
		l.ticking.Lock()
		l.ticker = time.AfterFunc(l.silence, l.tick)
		l.ticking.Unlock()
	}
}

// tick says PINGREQ when it is time, and gives up a broker that did not answer the last.
func (l *link) tick() {
	l.ticking.Lock()
	defer l.ticking.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	heard, said := time.Unix(0, l.heard.Load()), time.Unix(0, l.said.Load())
	quiet := now.Sub(earlier(heard, said))
	switch {
	case l.pinged.Load():
		l.cut(errors.New("the broker does not answer"))
		return
	case quiet >= l.silence:
		l.pinged.Store(true)
		l.c.ping(l)
		l.ticker.Reset(min(l.c.o.Patience, l.silence))
	default:
		l.ticker.Reset(l.silence - quiet)
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// cut ends the connection from any goroutine; the reader sees the end.
func (l *link) cut(why error) {
	l.why.CompareAndSwap(nil, &why)
	_ = l.conn.Close()
}

// watch makes the link say DISCONNECT when ctx ends.
func (l *link) watch(ctx context.Context) {
	l.left = make(chan struct{})
	l.stay = context.AfterFunc(ctx, func() {
		defer close(l.left)
		l.leave()
	})
}

// close ends the connection and waits for its timer, and for DISCONNECT under way.
func (l *link) close() {
	_ = l.conn.Close()
	l.ticking.Lock()
	l.closed = true
	if l.ticker != nil {
		l.ticker.Stop()
	}
	l.ticking.Unlock()
	if !l.stay() {
		<-l.left
	}
}

// reason is why the connection ended, given what its reader saw.
func (l *link) reason(err error) error {
	if why := l.why.Load(); why != nil {
		return *why
	}
	return err
}

// next gives the next packet, good until the call after.
func (l *link) next() ([]byte, error) {
	for {
		have := l.in[l.from:]
		n, err := mqtt.Scan(have, l.c.o.MaxPacket)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			l.from += n
			return have[:n], nil
		}
		if err := l.fill(mqtt.Want(have)); err != nil {
			return nil, err
		}
	}
}

// fill writes what waits, and reads what there is.
func (l *link) fill(want int) error {
	l.c.flush(l)
	l.makeRoom(want)
	n, err := l.conn.Read(l.in[len(l.in):cap(l.in)])
	l.in = l.in[:len(l.in)+n]
	switch {
	case n > 0:
		l.heard.Store(time.Now().UnixNano())
		return nil
	case err != nil:
		return fmt.Errorf("read from MQTT broker: %w", err)
	}
	return nil
}

// makeRoom moves what is left to the front. The buffer grows with what comes, not
// with what is promised, and is small while idle.
func (l *link) makeRoom(want int) {
	left, size := l.in[l.from:], cap(l.in)
	switch {
	case want > size:
		size = min(want, 2*size)
	case len(l.in) == size:
		size = min(2*size, max(mostBuffer, size))
	case len(left) == 0 && len(l.in) < size/8:
		size /= 2
	}
	if size = max(size, keepBuffer, len(left)+1); size == cap(l.in) {
		l.in = l.in[:copy(l.in[:size], left)]
	} else {
		grown := make([]byte, len(left), size)
		copy(grown, left)
		l.in = grown
	}
	l.from = 0
}

// read takes in what comes until the connection ends.
func (l *link) read() error {
	var p mqtt.Publish
	for {
		packet, err := l.next()
		if err == nil {
			err = l.take(packet, &p)
		}
		if err != nil {
			return l.reason(err)
		}
	}
}

func (l *link) take(packet []byte, p *mqtt.Publish) error {
	switch t := mqtt.TypeOf(packet[0]); t {
	case mqtt.TypePublish:
		if l.c.o.HandleAll != nil {
			return l.together(packet)
		}
		if err := p.Parse(l.version, packet); err != nil {
			return err
		}
		l.c.arrived(l, p)
		return nil
	case mqtt.TypePuback, mqtt.TypePubrec, mqtt.TypePubrel, mqtt.TypePubcomp:
		var a mqtt.Ack
		if err := a.Parse(l.version, packet); err != nil {
			return err
		}
		l.c.acked(l, &a)
		return nil
	case mqtt.TypePingresp:
		l.pinged.Store(false)
		return nil
	}
	other, err := mqtt.Parse(l.version, packet)
	if err != nil {
		return err
	}
	switch other := other.(type) {
	case *mqtt.Suback:
		l.c.answered(other.ID, other.Codes, other.Reason)
	case *mqtt.Unsuback:
		l.c.answered(other.ID, other.Codes, other.Reason)
	case *mqtt.Disconnect:
		return &mqtt.Error{Code: other.Code, Packet: mqtt.TypeDisconnect, What: "the broker ends the connection" + because(other.Reason)}
	default:
		return &mqtt.Error{Code: mqtt.ProtocolError, Packet: mqtt.TypeOf(packet[0]), What: "a broker does not say that"}
	}
	return nil
}

// leave says DISCONNECT, after which the broker ends the connection: Run is asked to end.
func (l *link) leave() {
	l.leaving.Store(true)
	_ = l.conn.SetDeadline(time.Now().Add(parting)) // the reader and the write tell
	if !l.c.farewell(l) {
		_ = l.conn.Close()
	}
}
