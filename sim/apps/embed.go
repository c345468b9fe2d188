// Package apps carries Pythings apps for demos and tests: a folder per app.
package apps

import "embed"

// FS holds luminosity/worker_task.py and luminosity/management_task.py, an app
// for a board with a photoresistor and a light of three colours.
//
//go:embed luminosity/*.py
var FS embed.FS
