package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/apps"
	"github.com/roost-iot/roost/web"
	"github.com/roost-iot/roost/wire/agent"
)

// sillApp is the app of virtual boards when nobody names another, and sillName what it is called.
const (
	sillApp  = "windowsill"
	sillName = "Window sill"
)

// demoSill gives the id of that app, and makes it at the first time.
func (h *house) demoSill(ctx context.Context) (roost.AppID, error) {
	for _, a := range h.releases.Apps(roost.Home) {
		if a.Name == sillName {
			return a.ID, nil
		}
	}
	files, err := apps.Files(sillApp)
	if err != nil {
		return "", fmt.Errorf("make the app of the virtual board: %w", err)
	}
	a, err := h.releases.CreateApp(ctx, roost.Home, release.NewApp{
		Name: sillName, By: "the simulator", Management: 60, Worker: 300, Latest: true, Files: files,
	})
	if err != nil {
		return "", fmt.Errorf("make the app of the virtual board: %w", err)
	}
	return a.ID, nil
}

// newVirtual makes a thing for a virtual board. Without an app it is a window sill.
func (h *house) newVirtual(ctx context.Context, app roost.AppID) (made web.MadeBoard, err error) {
	if app == "" {
		if app, err = h.demoSill(ctx); err != nil {
			return made, err
		}
	}
	return newBoards{h}.NewBoard(ctx, roost.Home, web.NewBoard{Name: "Virtual board", App: app, By: "the simulator"})
}

// dropVirtual takes back a thing whose board could not be started.
func (h *house) dropVirtual(ctx context.Context, id string) error {
	ref := roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)}
	return errors.Join(h.agents.Forget(ctx, ref), h.switchboard.Forget(ctx, ref), h.releases.Forget(ctx, ref))
}

// demoRuntime makes the thing of the demo's virtual board, at its first start; its flash,
// with id and key, stays in the data folder.
func (h *house) demoRuntime(ctx context.Context) (id string, key agent.Key, err error) {
	made, err := h.newVirtual(ctx, "")
	if err != nil {
		return "", key, err
	}
	if _, err := h.registry.Rename(ctx, roost.Ref{Project: roost.Home, Thing: roost.ThingID(made.ID)}, sillName); err != nil {
		return "", key, err
	}
	key, err = agent.ParseKey(made.Key)
	return made.ID, key, err
}

// demoFlash is the folder of its flash.
func (h *house) demoFlash() string { return filepath.Join(h.Data, "virtual-board") }
