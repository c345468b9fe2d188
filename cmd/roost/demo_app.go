package main

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/apps"
)

// demoAppName is the app that the demo makes for its PythingsOS device.
const demoAppName = "Luminosity"

// demoApp gives the id of the demo's app, and makes it at the first start. It lives
// like any other: what people change in it stays.
func (h *house) demoApp(ctx context.Context) (string, error) {
	for _, a := range h.releases.Apps(roost.Home) {
		if a.Name == demoAppName {
			return string(a.ID), nil
		}
	}
	files := map[string]string{}
	for _, name := range []string{"worker_task.py", "management_task.py"} {
		text, err := fs.ReadFile(apps.FS, "luminosity/"+name)
		if err != nil {
			return "", fmt.Errorf("make the demo's app: %w", err)
		}
		files[name] = string(text)
	}
	a, err := h.releases.CreateApp(ctx, roost.Home, release.NewApp{
		Name: demoAppName, By: "the demo", Management: 2, Worker: 3, Latest: true, Files: files,
	})
	if err != nil {
		return "", fmt.Errorf("make the demo's app: %w", err)
	}
	return string(a.ID), nil
}
