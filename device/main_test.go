package device_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/roost-iot/roost/micropython"
)

var heldVM struct {
	once sync.Once
	stop func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if heldVM.stop != nil {
		heldVM.stop()
	}
	os.Exit(code)
}

// needVM skips a test in a build without MicroPython. To compile the VM takes seconds
// under the race detector, so a board that waits keeps it until all tests have ended.
func needVM(t testing.TB) {
	t.Helper()
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm")
	}
	heldVM.once.Do(func() {
		b, err := micropython.NewBoard(micropython.BoardConfig{
			Flash: micropython.NewFlash(map[string]string{"/main.py": "import time\nwhile True: time.sleep(1000)\n"}),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = b.Run(ctx) })
		heldVM.stop = func() {
			cancel()
			running.Wait()
		}
	})
}
