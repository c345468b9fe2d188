package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"time"
)

// Redial keeps a line to a peer that we dial, whatever happens to it: a name that
// does not resolve, a refused connection, 401, 500, TLS, silence, a close frame.
type Redial struct {
	Remote string // for the log
	Log    *slog.Logger
	First  time.Duration // before the second try; 0: 1 s
	Last   time.Duration // the longest between two; 0: 30 s
	// Final tells errors after which there is no further try. nil: there are none.
	Final func(error) bool
}

// steady is how long a line must have stood for its loss to begin the back-off anew.
const steady = 30 * time.Second

// Run calls dial again and again until ctx ends (nil) or an error is final. dial
// serves one line to its end, and tells how long it stood. A cause is logged once.
func (r Redial) Run(ctx context.Context, dial func(context.Context) (stood time.Duration, err error)) error {
	told, remote := "", Shown(r.Remote)
	for failures := 0; ; failures++ {
		stood, err := dial(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if r.Final != nil && r.Final(err) {
			return err
		}
		if stood > steady {
			failures = 0
		}
		if stood > 0 {
			told = ""
		}
		wait := r.wait(failures)
		if cause := Cause(err); cause != told {
			told = cause
			r.Log.Warn("no line; trying again and again", "remote", remote, "err", err)
		} else {
			r.Log.Debug("no line", "remote", remote, "err", err, "wait", wait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// wait doubles from First to Last, with a quarter of jitter either way.
func (r Redial) wait(failures int) time.Duration {
	first, last := r.First, r.Last
	if first <= 0 {
		first = time.Second
	}
	if last <= 0 {
		last = 30 * time.Second
	}
	wait := first << min(failures, 16)
	if wait > last || wait <= 0 {
		wait = last
	}
	return wait*3/4 + rand.N(wait/2+1)
}

// Cause is why a line ended, in words that stay the same while the cause does.
func Cause(err error) string {
	if err == nil {
		return "the connection ended"
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil { // its text holds our port
		return e.Op + ": " + e.Err.Error()
	}
	return err.Error()
}

// Shown is an address without the password that may be in it, for logs and screens.
func Shown(address string) string {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		return u.Redacted()
	}
	return address
}

// LineURL makes the URL of a path at a peer of what people write: HOST:PORT, or a URL
// of ws, wss, http or https. A path that is given stays.
func LineURL(to, path string) (string, error) {
	if !strings.Contains(to, "://") {
		to = "ws://" + to
	}
	u, err := url.Parse(to)
	if err != nil {
		return "", fmt.Errorf("read address: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return "", fmt.Errorf("%q is no address of a WebSocket: it begins with ws:// or wss://", to)
	}
	if u.Hostname() == "" {
		return "", fmt.Errorf("%q names no host", to)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	return u.String(), nil
}
