package mqtt

import (
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/websocket"
)

// webLine is a WebSocket: packets lie in binary messages, and may begin in one and
// end in another (MQTT 5, 6).
type webLine struct{ ws *websocket.Conn }

func newWebLine(ws *websocket.Conn) *webLine { return &webLine{ws: ws} }

// unsupported is the close code for text (RFC 6455, 7.4.1).
const unsupported = 1003

func (l *webLine) read(c *conn) error {
	var s *scratch
	var failed error
	end := func() {
		if s == nil {
			return
		}
		if failed == nil {
			failed = c.done(s)
		}
		s.free()
		s = nil
	}
	defer end()
	l.ws.BeforeWait(end)
	for {
		l.ws.SetDead(c.dead())
		op, message, err := l.ws.Next()
		switch {
		case failed != nil:
			return failed
		case err != nil:
			return err
		case op != websocket.Binary:
			return &websocket.CloseError{Code: unsupported, Reason: "MQTT comes in binary messages."}
		}
		if s == nil {
			s = scratches.Get().(*scratch)
		}
		if failed = c.feed(s, message); failed != nil {
			return failed
		}
	}
}

// frames lends memory to frame what is written.
var frames = sync.Pool{New: func() any { return new([]byte) }}

func (l *webLine) try([]byte) int { return 0 }

func (l *webLine) write(b []byte, _ time.Duration) error {
	f := frames.Get().(*[]byte)
	*f = websocket.AppendBinary((*f)[:0], b)
	err := l.ws.Write(*f)
	if cap(*f) <= 4*roundBytes {
		frames.Put(f)
	}
	return err
}

func (l *webLine) halt() { l.ws.Halt(parting) }

func (l *webLine) close(lastWords bool) {
	if lastWords {
		l.ws.Interrupt(websocket.Normal, "", parting)
		for { // until the peer's close frame, or the deadline
			if _, _, err := l.ws.Next(); err != nil {
				break
			}
		}
	}
	_ = l.ws.Cut()
}
