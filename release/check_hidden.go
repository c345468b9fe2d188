package release

import (
	"maps"
	"slices"
	"strings"
)

// builtin are modules that MicroPython looks for among an app's files first and among its
// own second, and that a runtime needs; and rt, the package of Roost's own.
var builtin = []string{
	"asyncio", "binascii", "collections", "cryptolib", "errno", "gc", "hashlib", "io", "json", "machine", "network", "os",
	"random", "re", "rt", "select", "socket", "ssl", "struct", "sys", "time", "tls",
}

// checkHidden warns of a file that is found in place of one of MicroPython's modules.
// platform.py is none: the board platform has one.
func checkHidden(files map[string]string) (all []Problem) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		name, python := strings.CutSuffix(file, ".py")
		if python && slices.Contains(builtin, name) {
			all = append(all, Problem{
				File: file, Severity: Warning,
				Text: "On a board import " + name + " finds this file in place of the module that its runtime needs; give it another name.",
			})
		}
	}
	return all
}
