package agent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// watched is a store in which a test has its hand.
type watched struct {
	agent.Store
	saved  func()               // after SaveAgent; nil: nothing
	read   func(release string) // after Signatures; nil: nothing
	saving func()               // before SaveSignatures; nil: nothing
	text   func() error         // instead of AgentRelease when it gives an error
	on     atomic.Bool          // the others are asked
}

func (w *watched) SaveAgent(ctx context.Context, a roost.Agent) error {
	err := w.Store.SaveAgent(ctx, a)
	if w.on.Load() && w.saved != nil {
		w.saved()
	}
	return err
}

func (w *watched) Signatures(ctx context.Context, release string) ([]roost.Signature, error) {
	all, err := w.Store.Signatures(ctx, release)
	if w.on.Load() && w.read != nil {
		w.read(release)
	}
	return all, err
}

func (w *watched) SaveSignatures(ctx context.Context, all []roost.Signature) error {
	if w.on.Load() && w.saving != nil {
		w.saving()
	}
	return w.Store.SaveSignatures(ctx, all)
}

func (w *watched) AgentRelease(ctx context.Context, key string) (string, bool, error) {
	if w.on.Load() && w.text != nil {
		if err := w.text(); err != nil {
			return "", false, err
		}
	}
	return w.Store.AgentRelease(ctx, key)
}

// in puts w between a door and its store.
func (w *watched) in(c *agent.Config) { w.Store, c.Store = c.Store, w }

// hook is randomness that does something when a nonce is drawn.
type hook struct {
	io.Reader
	nonce func()
}

func (h *hook) Read(b []byte) (int, error) {
	if len(b) == wire.NonceSize {
		h.nonce()
	}
	return h.Reader.Read(b)
}

func TestKeyThatIsVoidOpensNoSessionThatWasJustAskedFor(t *testing.T) {
	real := rand.Reader
	t.Cleanup(func() { rand.Reader = real })
	var drawn atomic.Pointer[func()]
	rand.Reader = &hook{real, func() {
		if f := drawn.Swap(nil); f != nil {
			(*f)()
		}
	}}
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	old := &desk.Client{URL: c.URL, ID: c.ID, Key: c.Key, HTTP: c.HTTP}
	ours := func() { // the second nonce of a hello is ours: the client's comes first
		f := func() {
			if _, err := h.door.NewKey(context.Background(), ref(c)); err != nil {
				t.Error(err)
			}
		}
		drawn.Store(&f)
	}
	drawn.Store(&ours)
	err := old.Hello(t.Context())
	if drawn.Load() != nil {
		t.Fatal("no key was given while the session began")
	}
	if err != nil {
		return // it is not of the old key, or there is none
	}
	if _, err := old.Register(t.Context(), said(boot1)); err == nil {
		t.Error("who has the key that is void is heard")
	}
}

func TestTwoJoinsAtOnceLeaveOneKeyInMemoryAndOnDisk(t *testing.T) {
	second := make(chan struct{})
	var first atomic.Bool
	var once sync.Once
	w := &watched{saved: func() {
		if first.Swap(true) {
			return
		}
		select { // the first waits for the second, unless that waits for the first
		case <-second:
		case <-time.After(300 * time.Millisecond):
		}
	}}
	w.on.Store(true)
	h := build(t, plan{change: w.in})
	clients := []*desk.Client{{URL: h.server.URL, HTTP: h.http}, {URL: h.server.URL, HTTP: h.http}}
	var joining sync.WaitGroup
	for _, c := range clients {
		joining.Go(func() {
			if err := c.Join(t.Context(), wire.Join{MAC: "28cdc1010203", Platform: "esp32"}); err != nil {
				t.Error(err)
			}
			once.Do(func() { close(second) })
		})
	}
	joining.Wait()
	kept, err := h.rooms.Store.Agents(t.Context())
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d things are kept (%v)", len(kept), err)
	}
	c := &desk.Client{URL: h.server.URL, ID: string(kept[0].Thing), Key: wire.Key(kept[0].Key), HTTP: h.http}
	if err := c.Hello(t.Context()); err != nil {
		t.Errorf("the key on disk is not the one in memory: %v", err)
	}
}

func TestSignatureThatComesWhileTheReleaseIsLookedAtCounts(t *testing.T) {
	w := &watched{}
	h := build(t, plan{change: w.in})
	a := h.app(map[string]string{"app.py": "one"})
	c := h.board(a.ID)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	owned := said(boot1)
	owned.OS, owned.Owner = "1.2.0", wire.OwnerName(public)
	h.register(c, owned)
	commit := h.commit(a, map[string]string{"app.py": "two"})
	text, _, err := h.door.Statement(t.Context(), roost.Home, a.ID, commit, false)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(public ed25519.PublicKey, private ed25519.PrivateKey) {
		if _, err := h.door.Sign(t.Context(), roost.Home, a.ID, commit, false, hexed(public), wire.Sign(private, text), "ada"); err != nil {
			t.Error(err)
		}
	}
	signed, looked := make(chan struct{}), make(chan struct{})
	var saved, again, read atomic.Bool
	w.read = func(string) {
		if again.Load() && !read.Swap(true) {
			close(looked)
			<-signed
		}
	}
	w.saving = func() {
		if saved.Swap(true) {
			return
		}
		// The owner signs. Before that is kept another does, so that the thing has the release
		// looked at again, at which nothing of the owner's is found.
		sign(other, stranger)
		again.Store(true)
		h.sync(c, wire.Sync{})
		select {
		case <-looked:
		case <-time.After(roomtest.Patience):
			t.Error("the release was not looked at")
		}
	}
	w.on.Store(true)
	sign(public, private)
	close(signed)
	h.until(c, wire.Sync{}, "the offer of what its owner has signed", func(x wire.Answer) bool {
		return offers(x) && strings.Contains(x.Update.R, commit)
	})
}
