// Package arrows holds the house to its floors: an import goes to a lower floor only.
package arrows

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/roost-iot/roost"

// floors are those of ARCHITECTURE.md. A folder that is not named here has no
// place in the house.
var floors = map[string]int{
	"":                     0,
	"wire/coap":            1,
	"wire/mqtt":            1,
	"wire/mqttsn":          1,
	"wire/pyaiot":          1,
	"wire/websocket":       1,
	"wire/pythings":        1,
	"wire/agent":           1,
	"wire/firmware":        1,
	"wire/romfs":           1,
	"device":               2,
	"sim/desk":             3,
	"gateway/agent":        5,
	"micropython":          1,
	"live":                 1,
	"gateway/broker":       2,
	"gateway/exchange":     2,
	"gateway/mqttclient":   2,
	"gateway/udp":          2,
	"store/sqlite":         2,
	"store/series":         2,
	"registry":             3,
	"telemetry":            3,
	"command":              3,
	"release":              3,
	"account":              3,
	"gateway":              4,
	"gateway/coap":         5,
	"gateway/ws":           5,
	"gateway/mqtt":         5,
	"gateway/mqttsn":       5,
	"gateway/relay":        5,
	"gateway/pyaiot":       5,
	"gateway/pythings":     5,
	"gateway/board":        5,
	"web":                  5,
	"sim":                  5,
	"sim/apps":             1,
	"bench":                5,
	"install":              5,
	"cmd/roost":            6,
	"internal/storetest":   7, // contracts: only tests import them
	"internal/arrows":      7,
	"internal/roomtest":    7,
	"internal/leaktest":    7,
	"internal/e2e":         7,
	"internal/serialboard": 7, // a program for the browser tests
}

func TestImportsGoDownOnly(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != "../..") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		seen++
		checkFile(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("only %d files seen: the walk went wrong", seen)
	}
}

// checkFile holds one file's imports against the floors.
func checkFile(t *testing.T, path string) {
	t.Helper()
	rel, err := filepath.Rel("../..", filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	from := strings.TrimPrefix(filepath.ToSlash(rel), ".")
	floor, known := floors[from]
	if !known {
		t.Errorf("%s: folder %q has no floor; give it one here and in ARCHITECTURE.md", path, from)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, imp := range file.Imports {
		name, _ := strconv.Unquote(imp.Path.Value)
		if name != module && !strings.HasPrefix(name, module+"/") {
			if floor == 0 && strings.Contains(strings.SplitN(name, "/", 2)[0], ".") {
				t.Errorf("%s: the vocabulary imports %s; it may use the standard library only", path, name)
			}
			continue
		}
		to := strings.TrimPrefix(strings.TrimPrefix(name, module), "/")
		if below, ok := floors[to]; !ok || below >= floor {
			t.Errorf("%s: floor %d imports %q on floor %d; an import goes to a lower floor only", path, floor, to, below)
		}
	}
}
