package pyaiot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// dialPatience is how long a connection that we open may take to stand.
	dialPatience = 20 * time.Second
	// writeOut is how long one message that we send may take to be written.
	writeOut = 30 * time.Second
	// pingEvery is how often a peer that we dialled is asked whether it is there, and
	// how long it may take to say so.
	pingEvery = 30 * time.Second
	// maxFromBroker is the longest message that we take from a broker, in bytes.
	maxFromBroker = 16 << 20
	// maxOut bounds what waits to be sent, in bytes.
	maxOut = 64 << 20
)

// lineOut is a WebSocket that we dialled, with messages in the order in which they
// were queued. Its methods may be called from many goroutines.
type lineOut struct {
	conn *websocket.Conn

	mu    sync.Mutex
	queue [][]byte
	bytes int
	over  bool // too much was queued: the line is cut
	news  chan struct{}
}

// dialOut opens a line within patience. The answer's status is in the error when it
// was refused.
func dialOut(ctx context.Context, client *http.Client, url string, protocols []string, patience time.Duration) (*lineOut, error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	conn, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client, Subprotocols: protocols}) //nolint:bodyclose // Dial does
	if err != nil {
		switch {
		case resp == nil:
			return nil, fmt.Errorf("connect: %w", err)
		case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusInternalServerError && len(protocols) > 0:
			return nil, fmt.Errorf("the broker answered %s: does it have the same key file? (%w)", resp.Status, err)
		}
		return nil, fmt.Errorf("the broker answered %s: %w", resp.Status, err)
	}
	conn.SetReadLimit(maxFromBroker)
	return &lineOut{conn: conn, news: make(chan struct{}, 1)}, nil
}

// queueText puts a message behind the others. It never blocks.
func (l *lineOut) queueText(message []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.bytes += len(message)
	l.over = l.bytes > maxOut
	l.queue = append(l.queue, message)
	select {
	case l.news <- struct{}{}:
	default:
	}
}

var errTooSlow = errors.New("the broker reads too slowly; the line was cut")

// serve reads messages to take, writes what is queued and calls beat at each period,
// until ctx ends (the line is then closed with 1001) or something fails.
func (l *lineOut) serve(ctx context.Context, period time.Duration, beat func(), take func([]byte) error) error {
	line, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		hurry := time.AfterFunc(farewell, func() { cut(nil) })
		defer hurry.Stop()
		l.drain()
		_ = l.conn.Close(websocket.StatusGoingAway, "Roost is stopping.")
		cut(nil)
	})
	defer func() {
		if !stop() {
			<-told
		}
	}()
	var parts sync.WaitGroup
	parts.Go(func() { cut(l.write(line)) })
	parts.Go(func() { cut(l.tick(line, period, beat)) })
	err := l.read(line, take)
	cut(err)
	_ = l.conn.CloseNow()
	parts.Wait()
	if cause := context.Cause(line); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// drain waits a moment until what is queued is on its way: the last word of things.
func (l *lineOut) drain() {
	for range 50 {
		l.mu.Lock()
		empty := l.bytes <= 0
		l.mu.Unlock()
		if empty {
			return
		}
		time.Sleep(farewell / 100)
	}
}

func (l *lineOut) read(ctx context.Context, take func([]byte) error) error {
	for {
		_, b, err := l.conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if err := take(b); err != nil {
			return err
		}
	}
}

func (l *lineOut) write(ctx context.Context) error {
	for {
		l.mu.Lock()
		queue, over := l.queue, l.over
		l.queue = nil
		l.mu.Unlock()
		if over {
			return errTooSlow
		}
		for _, m := range queue {
			if err := l.writeOne(ctx, m); err != nil {
				return err
			}
		}
		if len(queue) > 0 {
			continue
		}
		select {
		case <-l.news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *lineOut) writeOne(ctx context.Context, m []byte) error {
	ctx, stop := context.WithTimeout(ctx, writeOut)
	defer stop()
	if err := l.conn.Write(ctx, websocket.MessageText, m); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	l.mu.Lock()
	l.bytes -= len(m)
	l.mu.Unlock()
	return nil
}

// tick calls beat at each period and asks whether the peer is there. Nobody answers a
// ping on a line that is dead.
func (l *lineOut) tick(ctx context.Context, period time.Duration, beat func()) error {
	every := time.NewTicker(period)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		beat()
		asking, stop := context.WithTimeout(ctx, pingEvery)
		err := l.conn.Ping(asking)
		stop()
		if err != nil {
			return fmt.Errorf("ping: %w", err)
		}
	}
}

// transport is that of one line; the function ends it.
func transport() (*http.Client, func()) {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: dialPatience}
	return &http.Client{Transport: t}, t.CloseIdleConnections
}
