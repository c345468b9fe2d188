package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/web"
)

// openAgents opens the door for things that run Roost's own runtime.
func (h *house) openAgents(ctx context.Context) (err error) {
	c := agent.Config{
		Core: h.switchboard, Releases: h.releases, Telemetry: h.telemetry, Commands: h.commands,
		Registry: h.registry, Store: h.store, Feed: h.feed, Log: h.log, Runtime: h.runtime,
	}
	if h.compiler != nil {
		c.Compiler = h.compiler
	}
	if h.agents, err = agent.New(ctx, c); err != nil {
		return fmt.Errorf("open the door for Roost's own runtime: %w", err)
	}
	return nil
}

// newBoards is that door as installers need it.
type newBoards struct{ h *house }

// NewBoard implements web.NewBoards.
func (n newBoards) NewBoard(ctx context.Context, project roost.ProjectID, b web.NewBoard) (web.MadeBoard, error) {
	ref, key, err := n.h.agents.NewBoard(ctx, project, boardID(b.Name), b.App, b.Pool)
	if err == nil && b.Name != "" {
		_, err = n.h.registry.Rename(ctx, ref, b.Name)
	}
	if err != nil && ref.Thing != "" { // half of a thing is of no use
		err = errors.Join(err, n.h.agents.Forget(ctx, ref), n.h.switchboard.Forget(ctx, ref), n.h.releases.Forget(ctx, ref))
	}
	if err != nil {
		return web.MadeBoard{}, err
	}
	return web.MadeBoard{ID: string(ref.Thing), Key: key.String(), APPassword: passphrase()}, nil
}

// NewKey implements web.NewBoards.
func (n newBoards) NewKey(ctx context.Context, ref roost.Ref) (string, error) {
	key, err := n.h.agents.NewKey(ctx, ref)
	return key.String(), err
}

// boardID is an id that can be told from others at a glance: the name, and some letters.
func boardID(name string) roost.ThingID {
	words := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, name)
	words = strings.Trim(words, "-")
	for strings.Contains(words, "--") {
		words = strings.ReplaceAll(words, "--", "-")
	}
	if words == "" {
		words = "board"
	}
	return roost.ThingID(words[:min(len(words), 40)] + "-" + roost.NewID()[:6])
}

// passphrase is for the access point that a board opens for its set-up: 50 bits that a
// person can type.
func passphrase() string {
	var b [10]byte
	rand.Read(b[:])
	text := roost.Spell(b[:])
	return text[:5] + "-" + text[5:10]
}
