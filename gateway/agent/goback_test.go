package agent_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// TestBoardGoesBackToARuntimeOfAFile moves a board that has an owner's key, on the real MicroPython, to an older
// runtime that came as a file: not before its owner has signed it, and then back to the latest.
func TestBoardGoesBackToARuntimeOfAFile(t *testing.T) {
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm")
	}
	compiler, err := micropython.NewCompiler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = compiler.Close() })
	now := later{compiler, device.Version()}
	h := build(t, plan{change: func(c *agent.Config) { c.Runtime, c.Compiler = now, compiler }})
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const older = "0.5.0"
	h.brings(later{compiler, older})
	a := h.app(counting(1))
	ref, key, err := h.door.NewBoard(t.Context(), roost.Home, "board", a.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	w, _ := h.releases.Wanted(ref)
	h.signsApp(a, w.Commit, private)
	b, err := desk.NewBoard(desk.BoardConfig{
		URL: h.server.URL, ID: string(ref.Thing), Key: key, Settings: map[string]any{"trial": 1},
		Files: map[string]string{"_s/owner": hexed(public)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Start()
	t.Cleanup(func() {
		if err := b.Stop(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the board ended: %v", err)
		}
	})
	h.shows(b, w.Commit, roost.OfferConfirmed)
	h.asks(a, older)
	if st := h.shows(b, older, roost.OfferHeld); !strings.Contains(st.Offer.Why, "roost runtime sign "+older+" --key FILE --down") {
		t.Errorf("held for %q", st.Offer.Why)
	}
	h.signs(older, true, private)
	if st := h.shows(b, older, roost.OfferConfirmed); st.OS.Version != older {
		t.Errorf("it runs %s", st.OS.Version)
	}
	h.signs(now.version, false, private)
	h.asks(a, roost.Latest)
	if st := h.shows(b, now.version, roost.OfferConfirmed); st.OS.Version != now.version || st.App.Version != w.Commit {
		t.Errorf("it runs %s and %s", st.OS.Version, st.App.Version)
	}
}

// brings puts a runtime onto the shelf, as a file that went through a zip.
func (h *house) brings(l later) {
	h.t.Helper()
	made, err := agent.BundleOf(h.t.Context(), l, true)
	if err != nil {
		h.t.Fatal(err)
	}
	zip := roomtest.Zip(h.t, made)
	b, err := wire.ReadBundle(strings.NewReader(zip), int64(len(zip)))
	if err == nil {
		_, err = h.door.AddRuntime(h.t.Context(), b, "ada")
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) signsApp(a roost.App, commit string, private ed25519.PrivateKey) {
	h.t.Helper()
	text, _, err := h.door.Statement(h.t.Context(), roost.Home, a.ID, commit, false)
	if err == nil {
		_, err = h.door.Sign(h.t.Context(), roost.Home, a.ID, commit, false, hexed(private.Public().(ed25519.PublicKey)), wire.Sign(private, text), "ada")
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// signs signs a runtime as its owner does.
func (h *house) signs(version string, down bool, private ed25519.PrivateKey) {
	h.t.Helper()
	texts, err := h.door.RuntimeTexts(h.t.Context(), version, down)
	if err != nil {
		h.t.Fatal(err)
	}
	sigs := map[string]string{}
	for form, text := range texts {
		sigs[form] = wire.Sign(private, text)
	}
	if err := h.door.SignRuntime(h.t.Context(), version, down, hexed(private.Public().(ed25519.PublicKey)), sigs, "ada"); err != nil {
		h.t.Fatal(err)
	}
}
