package micropython

import (
	"sync"
	"testing"

	"github.com/roost-iot/roost/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// need skips a test in a build without MicroPython.
func need(t testing.TB) {
	t.Helper()
	if !Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm (make test does both)")
	}
}

var kept sync.Map

// keep spares all tests but the first the compilation of an engine, which the
// race detector makes slow.
func keep(t testing.TB, e *engine) {
	t.Helper()
	once, _ := kept.LoadOrStore(e, sync.OnceValue(func() error { return e.hold(t.Context()) }))
	if err := once.(func() error)(); err != nil {
		t.Fatal(err)
	}
}
