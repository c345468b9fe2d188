package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// post sends bytes as they are.
func (h *house) post(path string, body []byte) (int, []byte) {
	h.t.Helper()
	res, err := h.http.Post(h.server.URL+path, "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, b
}

// greet begins a session by hand.
func (h *house) greet(c *desk.Client) *wire.Session {
	h.t.Helper()
	n := wire.NewNonce()
	b, err := json.Marshal(wire.Hello{ID: c.ID, Nonce: hexed(n[:])})
	if err != nil {
		h.t.Fatal(err)
	}
	code, body := h.post(wire.PathHello, b)
	var a wire.HelloAnswer
	if code != 200 || json.Unmarshal(body, &a) != nil {
		h.t.Fatalf("hello: %d %s", code, body)
	}
	s, err := a.Accept(c.Key, n)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func TestReplayedAlteredAndForeignFramesChangeNothing(t *testing.T) {
	h := build(t, plan{})
	c, other := h.board(""), h.board("")
	h.register(c, said(boot1))
	s, foreign := h.greet(c), h.greet(other)
	entry, err := json.Marshal(wire.Sync{Boot: boot1, Queue: []wire.Entry{{At: time.Now().UnixMilli(), Kind: wire.EntryMessage, Body: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	frame := s.SealUp(wire.PathSync, 1, entry)
	if code, b := h.post(wire.PathSync, frame); code != 200 {
		t.Fatalf("the frame itself: %d %s", code, b)
	}
	altered := bytes.Clone(s.SealUp(wire.PathSync, 2, entry))
	altered[20] ^= 1
	mixed := bytes.Clone(foreign.SealUp(wire.PathSync, 3, entry))
	copy(mixed, s.ID[:])
	for name, b := range map[string][]byte{
		"replayed": frame, "altered": altered, "sealed by another thing": mixed,
		"of another path": s.SealUp(wire.PathRegister, 4, entry), "what came down": s.SealDown(wire.PathSync, 5, entry),
	} {
		if code, body := h.post(wire.PathSync, b); code != http.StatusUnauthorized || !strings.Contains(string(body), wire.StateHello) {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	if n := len(h.messages(c)); n != 1 {
		t.Errorf("%d messages", n)
	}
	if code, _ := h.post(wire.PathSync, s.SealUp(wire.PathSync, 6, entry[:len(entry)-1])); code != http.StatusBadRequest {
		t.Errorf("no JSON: %d", code)
	}
	if code, _ := h.post(wire.PathSync, []byte("short")); code != http.StatusBadRequest {
		t.Errorf("no frame: %d", code)
	}
	if code, _ := h.post(wire.PathSync, make([]byte, wire.MaxBody+1)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: %d", code)
	}
	res, err := h.http.Get(h.server.URL + wire.PathSync)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("by GET: %d", res.StatusCode)
	}
}

func TestFilesAreOnlyForWhoHasTheKey(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "secret"})
	c, other := h.board(a.ID), h.board("")
	h.register(c, said(boot1))
	h.register(other, said(boot1))
	r, _ := open(t, c, h.until(c, wire.Sync{}, "an offer", offers).Update)
	path := wire.PathFiles + r.Files["app.mpy"].SHA256
	get := func(auth, ranged string) int {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", auth)
		if ranged != "" {
			q.Header.Set("Range", ranged)
		}
		res, err := h.http.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || bytes.Contains(b, []byte("secret")) {
			t.Errorf("a file in clear: %q %v", b, err)
		}
		return res.StatusCode
	}
	s, foreign := h.greet(c), h.greet(other)
	good := s.AuthorizeFile(path, "", 1)
	for _, step := range []struct {
		name, auth, ranged string
		want               int
	}{
		{"nothing", "", "", 401},
		{"itself", good, "", 200},
		{"the same again", good, "", 401},
		{"another range", s.AuthorizeFile(path, "", 2), "bytes=1-", 401},
		{"a thing that was not offered it", foreign.AuthorizeFile(path, "", 1), "", 404},
		{"past its end", s.AuthorizeFile(path, "bytes=99999-", 3), "bytes=99999-", 416},
		{"no range of ours", s.AuthorizeFile(path, "bytes=1-2", 4), "bytes=1-2", 416},
	} {
		if got := get(step.auth, step.ranged); got != step.want {
			t.Errorf("%s: %d, want %d", step.name, got, step.want)
		}
	}
}

func TestWhoSaysHelloInAnothersNameDoesNotPushItOut(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	liar := &desk.Client{URL: h.server.URL, ID: c.ID, Key: wire.NewKey(), HTTP: h.http}
	refusedOnce := false
	for range 60 {
		if code, _ := status(liar.Hello(t.Context())); code == http.StatusTooManyRequests {
			refusedOnce = true
		}
	}
	if !refusedOnce {
		t.Error("hello has no bound")
	}
	h.sync(c, wire.Sync{}) // its session is good
}

func TestTwoBoardsOfOneKeyAreTold(t *testing.T) {
	h := build(t, plan{})
	one := h.board("")
	two := &desk.Client{URL: h.server.URL, ID: one.ID, Key: one.Key, HTTP: h.http}
	h.register(one, said(boot1))
	h.register(two, said(boot2))
	now := time.Now().UnixMilli()
	for i := range int64(3) {
		h.sync(one, wire.Sync{Boot: boot1, Queue: []wire.Entry{{At: now + 2*i, Kind: wire.EntryMessage, Body: `"one"`}}})
		h.sync(two, wire.Sync{Boot: boot2, Queue: []wire.Entry{{At: now + 2*i + 1, Kind: wire.EntryMessage, Body: `"two"`}}})
	}
	if n := len(h.messages(one)); n != 6 {
		t.Errorf("%d messages of 6", n)
	}
	if log := strings.Join(h.logged(one), "\n"); strings.Count(log, "two boards use the key") == 0 {
		t.Errorf("nobody is told:\n%s", log)
	}
}

func TestJoiningIsBounded(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove})
	refused := 0
	for i := range 40 {
		c := &desk.Client{URL: h.server.URL, HTTP: h.http}
		if code, _ := status(c.Join(t.Context(), wire.Join{MAC: fmt.Sprintf("%012x", i)})); code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 { // one is let in every few seconds
		t.Error("40 joinings of an address passed")
	}
}

func TestManyThingsThatReturnAtOnceAreServed(t *testing.T) {
	h := build(t, plan{})
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
	defer stop()
	all := make([]*desk.Client, many)
	var crowd sync.WaitGroup
	for part := range 50 {
		crowd.Go(func() {
			for i := part; i < many; i += 50 {
				ref, key, err := h.door.NewBoard(ctx, roost.Home, "board", "", "")
				if err != nil {
					t.Error(err)
				}
				all[i] = &desk.Client{URL: h.server.URL, ID: string(ref.Thing), Key: key, HTTP: h.http}
			}
		})
	}
	crowd.Wait()
	room := make(chan struct{}, 200) // of connections: the machine has few file descriptors
	now := time.Now().UnixMilli()
	for _, c := range all {
		crowd.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			if _, err := c.Register(ctx, said(boot1)); err != nil {
				t.Errorf("register: %v", err)
				return
			}
			a, err := c.Sync(ctx, wire.Sync{Boot: boot1, Queue: []wire.Entry{{At: now, Kind: wire.EntryMessage, Body: "1"}}})
			if err != nil || a.Upto != now {
				t.Errorf("sync: %v %+v", err, a)
			}
		})
	}
	crowd.Wait()
	n, err := h.rooms.Telemetry.CountMessages(t.Context(), roost.Home)
	if err != nil || n != many {
		t.Errorf("%d messages, %v", n, err)
	}
}
