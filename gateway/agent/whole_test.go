package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// later is the runtime of this tree under another version.
type later struct {
	compiler agent.Compiler
	version  string
}

const laterVersion = "99.0.0"

func (l later) Version() string { return l.version }

func (l later) Files(ctx context.Context, profile string, mpy int) (map[string][]byte, error) {
	first := "VERSION = \"" + l.version + "\"\n"
	if mpy == 0 {
		texts, err := device.Files(profile)
		files := map[string][]byte{}
		for name, text := range texts {
			files[name] = []byte(text)
		}
		files["_f/rt/__init__.py"] = []byte(first)
		return files, err
	}
	return device.Compiled(ctx, profile, func(ctx context.Context, name string, src []byte) ([]byte, error) {
		if name == "rt/__init__.py" {
			src = []byte(first)
		}
		return l.compiler.Compile(ctx, name, src)
	})
}

func (later) ROM(context.Context) ([]byte, error) { return nil, nil }

// counting is an app that sends its number.
func counting(n int) map[string]string {
	return map[string]string{"app.py": fmt.Sprintf("import asyncio, platform\nasync def run():\n    while True:\n        platform.send(%d)\n        await asyncio.sleep(1)\n", n), "text.txt": strings.Repeat("text\n", 2000)}
}

// shows waits until an offer to a board is in a state.
func (h *house) shows(b *desk.Board, version string, state roost.OfferState) roost.AgentState {
	h.t.Helper()
	ref := roost.Ref{Project: roost.Home, Thing: roost.ThingID(b.ID())}
	for end := time.Now().Add(3 * time.Minute); ; {
		st, ok, err := h.door.Agent(h.t.Context(), ref)
		if err == nil && ok && st.Offer != nil && st.Offer.Version == version && st.Offer.State == state {
			return st
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s is not %s: %+v, %v\n%s", version, state, st.Offer, err, b.Console())
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-h.t.Context().Done():
		}
	}
}

// TestCommitsReachABoardAndFailedOnesLeaveIt goes from a commit through the whole runtime on the real MicroPython to
// what Roost knows: the runtime first, over a line that breaks, an app, one that fails, and one that mends it.
func TestCommitsReachABoardAndFailedOnesLeaveIt(t *testing.T) {
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm")
	}
	compiler, err := micropython.NewCompiler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = compiler.Close() })
	var files atomic.Int32
	h := build(t, plan{
		change: func(c *agent.Config) { c.Runtime, c.Compiler = later{compiler, laterVersion}, compiler },
		wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, wire.PathFiles) && files.Add(1)%7 == 3 {
					panic(http.ErrAbortHandler) // gone while it downloads
				}
				next.ServeHTTP(w, r)
			})
		},
	})
	a := h.app(counting(1))
	latest := roost.Latest
	if _, err := h.releases.ChangePool(t.Context(), roost.Home, a.ID, a.DefaultPool, release.PoolChange{Settings: roost.SettingsChange{OS: &latest}}); err != nil {
		t.Fatal(err)
	}
	ref, key, err := h.door.NewBoard(t.Context(), roost.Home, "board", a.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := desk.NewBoard(desk.BoardConfig{URL: h.server.URL, ID: string(ref.Thing), Key: key, Settings: map[string]any{"trial": 1}})
	if err != nil {
		t.Fatal(err)
	}
	b.Start()
	t.Cleanup(func() {
		if err := b.Stop(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the board ended: %v", err)
		}
	})
	one := h.commit(a, counting(2))
	st := h.shows(b, one, roost.OfferConfirmed)
	if st.OS.Version != laterVersion || st.App.Version != one {
		t.Fatalf("runtime %s, app %s", st.OS.Version, st.App.Version)
	}
	bad := h.commit(a, map[string]string{"app.py": "raise ValueError('on purpose')\n"})
	st = h.shows(b, bad, roost.OfferReturned)
	if f := st.Failures[wire.KindApp]; f.Version != bad || !f.Returned {
		t.Errorf("failures %+v", st.Failures)
	}
	three := h.commit(a, counting(3))
	if st = h.shows(b, three, roost.OfferConfirmed); st.App.Version != three || st.OS.Version != laterVersion {
		t.Errorf("runtime %s, app %s", st.OS.Version, st.App.Version)
	}
}
