package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway"
)

func TestRedialBacksOffToHalfAMinuteAndSaysEachCauseOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		r := gateway.Redial{Remote: "hub", Log: slog.New(slog.NewTextHandler(&said, nil))}
		ctx, stop := context.WithCancel(t.Context())
		var waits []time.Duration
		last := time.Now()
		err := r.Run(ctx, func(context.Context) (time.Duration, error) {
			waits = append(waits, time.Since(last))
			last = time.Now()
			switch n := len(waits); {
			case n == 12:
				return time.Hour, errors.New("closed") // it stood
			case n == 14:
				stop()
			case n > 6:
				return 0, errors.New("500")
			}
			return 0, errors.New("401")
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range waits {
			if w > 38*time.Second || i > 7 && i < 11 && w < 22*time.Second {
				t.Errorf("wait %d was %v", i, w)
			}
		}
		if waits[12] > 2*time.Second {
			t.Errorf("after a line that stood: %v", waits[12])
		}
		for cause, n := range map[string]int{"err=401": 1, "err=500": 2, "err=closed": 1} { // 500 comes again after the line stood
			if got := strings.Count(said.String(), cause); got != n {
				t.Errorf("%q said %d times, want %d:\n%s", cause, got, n, said.String())
			}
		}
	})
}

func TestRedialStopsAtAFinalError(t *testing.T) {
	final := errors.New("final")
	r := gateway.Redial{Log: slog.New(slog.DiscardHandler), Final: func(err error) bool { return errors.Is(err, final) }}
	if err := r.Run(t.Context(), func(context.Context) (time.Duration, error) { return 0, final }); !errors.Is(err, final) {
		t.Error(err)
	}
}

func TestLineURL(t *testing.T) {
	for to, want := range map[string]string{
		"hub:8080": "ws://hub:8080/relay", "ws://hub": "ws://hub/relay", "https://hub/": "wss://hub/relay",
		"wss://hub/base/relay?x=1": "wss://hub/base/relay?x=1", "[::1]:80": "ws://[::1]:80/relay",
		"ftp://hub": "", "ws://": "", "ws://:80": "", ":8080": "", "ws://%zz": "",
	} {
		if got, err := gateway.LineURL(to, "/relay"); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", to, got, err)
		}
	}
}

func TestPasswordsOfAddressesAreNotShown(t *testing.T) {
	for in, want := range map[string]string{
		"ws://ada:secret@hub.example.org:8080/relay": "ws://ada:xxxxx@hub.example.org:8080/relay",
		"ws://hub.example.org":                       "ws://hub.example.org",
		"hub:8080":                                   "hub:8080",
		"%":                                          "%",
	} {
		if got := gateway.Shown(in); got != want {
			t.Errorf("%s is shown as %s", in, got)
		}
	}
}
