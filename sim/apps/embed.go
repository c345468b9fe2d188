// Package apps carries apps for demos and tests: a folder per app.
package apps

import "embed"

// FS holds luminosity/worker_task.py and luminosity/management_task.py, an app
// for a board with a photoresistor and a light of three colours; raingauge/app.py and
// raingauge/main.py, one for boards that ask for their files.
//
//go:embed luminosity/*.py raingauge/*.py
var FS embed.FS
