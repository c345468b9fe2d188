package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/web"
)

// openReleases opens the room of apps. Without MicroPython in the build nobody
// checks syntax.
func (h *house) openReleases(ctx context.Context) (err error) {
	var checker release.Compiler
	h.compiler, err = micropython.NewCompiler(ctx)
	switch {
	case err == nil:
		checker = syntax{h.compiler}
	case errors.Is(err, micropython.ErrUnavailable):
		h.log.Info("the syntax of apps is not checked", "err", err)
	default:
		return err
	}
	h.releases, err = release.Open(ctx, release.Config{
		Store: h.store, Feed: h.feed, Compiler: checker, Shelf: filepath.Join(h.Data, "shelf"), Log: h.log,
	})
	if err != nil {
		return fmt.Errorf("load apps: %w", err)
	}
	return nil
}

// syntax is MicroPython's compiler as the room of apps wants it.
type syntax struct{ *micropython.Compiler }

// Check implements release.Compiler.
func (s syntax) Check(ctx context.Context, name string, source []byte) ([]release.Problem, error) {
	line, column, text, err := s.Compiler.Check(ctx, name, source)
	if err != nil || text == "" {
		return nil, err
	}
	return []release.Problem{{File: name, Line: line, Column: column, Text: text, Severity: release.Fault}}, nil
}

// warmAfter is how long after the start the compiler is made ready.
const warmAfter = 10 * time.Second

// warmCompiler makes the compiler ready when the start is over and there are apps: else
// the first commit waits for it, seconds on a small machine.
func (h *house) warmCompiler(ctx context.Context) {
	if h.compiler == nil {
		return
	}
	select {
	case <-time.After(warmAfter):
	case <-ctx.Done():
		return
	}
	if len(h.releases.Apps(roost.Home)) == 0 {
		return // the editor will ask for it
	}
	if _, err := h.compiler.Compile(ctx, "main.py", nil); err != nil && ctx.Err() == nil {
		h.log.Warn("compiler not ready", "err", err)
	}
}

// openPythings opens the door for PythingsOS devices, which come to the HTTP ports.
func (h *house) openPythings() (err error) {
	h.pythings, err = pythings.New(pythings.Config{
		Core: h.switchboard, Releases: h.releases, Telemetry: h.telemetry, Commands: h.commands,
		Registry: h.registry, Accounts: h.accounts, Secrets: filepath.Join(h.Data, "secrets"), TLS: true, OldTLS: h.TLSLegacy == "on", Log: h.log,
	})
	return err
}

// pythingsShown is that door as pages show it.
type pythingsShown struct {
	*pythings.Door
	legacy bool
}

// State implements web.Pythings.
func (p pythingsShown) State() web.PythingsState {
	st := web.PythingsState{Modulus: p.Key(), TLS: true, LegacyTLS: p.legacy}
	for _, k := range p.Keys() {
		st.Keys = append(st.Keys, web.PythingsKey{Name: k.Name, Bits: k.Bits, Imported: k.Imported})
	}
	for _, n := range p.Notices() {
		st.Notices = append(st.Notices, web.PythingsNotice{At: n.At, Remote: n.Remote, Text: n.Text})
	}
	return st
}

// ImportKey implements web.Pythings.
func (p pythingsShown) ImportKey(name string, pem []byte) error {
	_, err := p.Door.ImportKey(name, pem)
	return err
}
