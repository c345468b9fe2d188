package agent_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	wire "github.com/roost-iot/roost/wire/agent"
)

func TestOfferThatFitsNoLongerIsHeldAndNotAskedForAgainAndAgain(t *testing.T) {
	h := build(t, plan{})
	files := map[string]string{"app.py": "one"}
	for i := range 20 {
		files[fmt.Sprintf("data%d.txt", i)] = "text"
	}
	a := h.app(files)
	c := h.board(a.ID)
	wide := said(boot1)
	wide.OS, wide.Max = "1.2.0", 8192
	h.register(c, wide)
	h.until(c, wire.Sync{}, "an offer", offers)
	narrow := said(boot2)
	narrow.OS, narrow.Max = "1.2.0", 1024
	h.register(c, narrow)
	h.until(c, wire.Sync{Boot: boot2}, "an answer after which it may wait", func(x wire.Answer) bool { return !x.Again })
	if o := h.state1(c); o.State != roost.OfferHeld || !strings.Contains(o.Why, "longer") {
		t.Errorf("the offer: %+v", o)
	}
}

func TestRuntimeIsKeptInNoOtherFormsThanThereAre(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	h.asks(a, roost.Latest)
	for name, want := range map[string]string{"python": "source python", "teapot": ""} {
		c := h.board(a.ID)
		r := said(boot1)
		r.Profile, r.MPY = name, 6
		h.register(c, r)
		u := h.until(c, wire.Sync{}, "an offer", offers).Update
		rel, _ := open(t, c, u)
		got := rel.Files["rt/main.py"]
		if want != "" && got != wire.FileOf([]byte(want)) || want == "" && rel.Kind != wire.KindApp {
			t.Errorf("a thing of the profile %s and MicroPython's bytecode is offered %s", name, u.R)
		}
	}
	all, err := h.door.Runtimes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		for _, form := range r.Forms {
			if !slices.Contains(wire.Forms, form) {
				t.Errorf("the runtime %s is kept as %q, which no file may have", r.Version, form)
			}
		}
	}
}

func TestVersionOfAHotfixThatNobodyHasIsNoRelease(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	commit := h.commit(a, map[string]string{"app.py": "two"})
	for _, down := range []bool{false, true} {
		text, _, err := h.door.Statement(t.Context(), roost.Home, a.ID, commit+"+abcdefgh", down)
		if roost.KindOf(err) != roost.NotFound {
			t.Errorf("to be signed: %q (%v)", text, err)
		}
	}
}

func TestFileThatCannotBeReadNowIsToBeAskedForAgain(t *testing.T) {
	w := &watched{text: func() error { return errors.New("the disk does not answer") }}
	h := build(t, plan{change: w.in})
	a := h.app(map[string]string{"app.py": "one"})
	c := h.board(a.ID)
	r := said(boot1)
	r.OS = "1.2.0"
	h.register(c, r)
	rel, _ := open(t, c, h.until(c, wire.Sync{}, "an offer", offers).Update)
	w.on.Store(true)
	if code, _ := status(second(c.File(t.Context(), rel.Files["app.mpy"].SHA256, 0))); code != http.StatusServiceUnavailable {
		t.Errorf("while the store cannot be read: %d", code)
	}
	w.on.Store(false)
	if _, err := c.File(t.Context(), rel.Files["app.mpy"].SHA256, 0); err != nil {
		t.Errorf("when it can: %v", err)
	}
}

func TestEmptyFileHasNoRange(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one", "empty.txt": ""})
	c := h.board(a.ID)
	r := said(boot1)
	r.OS = "1.2.0"
	h.register(c, r)
	rel, _ := open(t, c, h.until(c, wire.Sync{}, "an offer", offers).Update)
	s := h.greet(c)
	path := wire.PathFiles + rel.Files["empty.txt"].SHA256
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Range", "bytes=0-")
	q.Header.Set("Authorization", s.AuthorizeFile(path, "bytes=0-", 1))
	answer, err := h.http.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Range") != "" {
		t.Errorf("answered with %d, range %q", answer.StatusCode, answer.Header.Get("Content-Range"))
	}
}

// pages is a log that a test reads.
type pages struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *pages) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *pages) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestWhyWhatAThingSaysCannotBeStoredIsInTheLog(t *testing.T) {
	var full atomic.Bool
	log := &pages{}
	h := build(t, plan{
		refuse: func() error {
			if full.Load() {
				return errors.New("the disk does not answer")
			}
			return nil
		},
		change: func(c *agent.Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) },
	})
	c := h.board("")
	h.register(c, said(boot1))
	full.Store(true)
	defer full.Store(false)
	for range 20 {
		_, err := c.Register(t.Context(), said(boot2))
		if code, _ := status(err); code != http.StatusServiceUnavailable {
			t.Fatalf("register: %v", err)
		}
	}
	var told int
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"call put off"`) && strings.Contains(line, "the disk does not answer") {
			told++
		}
	}
	if told == 0 || told >= 20 {
		t.Errorf("%d lines with the cause of 20 calls:\n%s", told, log)
	}
}
