// Package apps carries apps for demos and tests: a folder per app.
package apps

import (
	"embed"
	"fmt"
	"io/fs"
)

// FS holds luminosity/worker_task.py and luminosity/management_task.py, an app
// for a board with a photoresistor and a light of three colours; raingauge/app.py and
// raingauge/main.py, one for boards that ask for their files; windowsill/app.py, one for
// Roost's own runtime: a thermometer, an LED and a strip of NeoPixels.
//
//go:embed luminosity/*.py raingauge/*.py windowsill/*.py
var FS embed.FS

// Names lists the apps.
func Names() []string { return []string{"luminosity", "raingauge", "windowsill"} }

// Files gives the files of an app by name.
func Files(app string) (map[string]string, error) {
	entries, err := fs.ReadDir(FS, app)
	if err != nil {
		return nil, fmt.Errorf("there is no app %q to bring", app)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := fs.ReadFile(FS, app+"/"+e.Name())
		if err != nil {
			return nil, fmt.Errorf("read app %s: %w", app, err)
		}
		files[e.Name()] = string(text)
	}
	return files, nil
}
