//go:build ui

package web

import "embed"

// dist is what `make ui` built of /ui.
//
//go:embed all:dist
var dist embed.FS

const builtWithUI = true
