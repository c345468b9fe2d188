//go:build !ui

package web

import "embed"

// dist is empty: this build has no user interface.
var dist embed.FS

const builtWithUI = false
