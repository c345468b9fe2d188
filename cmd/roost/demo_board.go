package main

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/apps"
)

// demoKind is the kind of board that is simulated when nobody names another.
const demoKind = "rain-gauge"

// demoBoards gives demoKind, and makes its app at the first time.
func (h *house) demoBoards(ctx context.Context) (string, error) {
	if _, ok := h.releases.BoardApp(roost.Home, demoKind); ok {
		return demoKind, nil
	}
	files := map[string]string{}
	for _, name := range []string{"app.py", "main.py"} {
		text, err := fs.ReadFile(apps.FS, "raingauge/"+name)
		if err != nil {
			return "", fmt.Errorf("make the app of the simulated board: %w", err)
		}
		files[name] = string(text)
	}
	n := release.NewApp{Name: "Rain gauge", By: "the simulator", Board: demoKind, Latest: true, Management: 300, Files: files}
	_, err := h.releases.CreateApp(ctx, roost.Home, n)
	if roost.KindOf(err) == roost.Conflict { // somebody's own app has the name
		n.Name += " (boards)"
		_, err = h.releases.CreateApp(ctx, roost.Home, n)
	}
	if err != nil {
		return "", fmt.Errorf("make the app of the simulated board: %w", err)
	}
	return demoKind, nil
}
