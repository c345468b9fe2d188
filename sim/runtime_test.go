package sim_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// A virtual board keeps its flash in a folder, also when its power fails and over starts.
func TestVirtualBoardsKeepTheirFlash(t *testing.T) {
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm (make test does both)")
	}
	release, err := micropython.Keep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	t.Run("files", func(t *testing.T) { keepsFlash(t, false) })
	t.Run("ROM", func(t *testing.T) { keepsFlash(t, true) })
}

func keepsFlash(t *testing.T, rom bool) {
	server := desk.NewServer(desk.ServerConfig{})
	defer server.Close()
	h := httptest.NewServer(server)
	defer h.Close()
	thing := server.Enrol("virtual", agent.Key{})
	if err := thing.Offer(desk.App("5", map[string]string{"app.py": "import asyncio, platform\nasync def run():\n    platform.report(n=1)\n    while True: await asyncio.sleep(1)\n"})); err != nil {
		t.Fatal(err)
	}
	flash, keys := t.TempDir(), 0
	play := func(what string, do func(*sim.Fleet), is func(desk.View) bool) {
		t.Helper()
		fleet := sim.Runtimes(sim.Config{To: h.URL}, sim.RuntimeConfig{ROM: rom, Flash: flash, Key: func(context.Context, int) (string, agent.Key, error) {
			keys++
			return thing.ID, thing.Key(), nil
		}})
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		ended := make(chan error, 1)
		go func() { ended <- fleet.Run(ctx) }()
		if do != nil {
			if _, err := thing.Wait(ctx, "the app", func(v desk.View) bool { return v.App() == "5" && v.Values["n"] == "1" }); err != nil {
				t.Error(err)
			}
			do(fleet)
		}
		if _, err := thing.Wait(ctx, what, is); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	first := ""
	play("a start after the power cut", func(f *sim.Fleet) {
		first = thing.View().Register.Boot
		f.PowerCut()
	}, func(v desk.View) bool { return v.Register.Boot != first && v.Register.App == "5" })
	text, err := os.ReadFile(filepath.Join(flash, "1", "_s", "app"))
	if err != nil || len(text) == 0 {
		t.Errorf("the folder has %q, %v", text, err)
	}
	first = thing.View().Register.Boot
	play("the next start", nil, func(v desk.View) bool { return v.Register.Boot != first && v.Register.App == "5" })
	if image, err := os.ReadFile(filepath.Join(flash, "1.rom")); (err == nil) != rom || rom && string(image[:3]) != "\xd2\xcd\x31" {
		t.Errorf("%d bytes of a ROM, %v", len(image), err)
	}
	if platform := thing.View().Register.Platform; (platform == "esp8266") != rom {
		t.Errorf("it is a %s", platform)
	}
	if keys != 1 {
		t.Errorf("%d keys were asked for: the flash has one", keys)
	}
}
