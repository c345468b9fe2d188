package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/roost-iot/roost/gateway/board"
)

// openBoards opens the door for boards that ask for their files at each boot.
func (h *house) openBoards(ctx context.Context) (err error) {
	dir, err := filepath.Abs(cmp.Or(h.OTADir, filepath.Join(h.Data, "ota")))
	if err != nil {
		return fmt.Errorf("--ota-dir: %w", err)
	}
	h.boards, err = board.New(ctx, board.Config{
		Core: h.switchboard, Releases: h.releases, Telemetry: h.telemetry, Commands: h.commands,
		Registry: h.registry, Store: h.store, Dir: dir, Ask: h.AskBoards, Log: h.log,
	})
	if err != nil {
		return fmt.Errorf("--ota-dir %s: %w", dir, err)
	}
	return nil
}
