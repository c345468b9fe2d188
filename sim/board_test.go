package sim_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim"
)

// Boards boot from nothing, get their files, boot, send heartbeats, take a hotfix and a
// restart, at a real door.
func TestBoardsPlayTheWholePlatform(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	log := slog.New(slog.DiscardHandler)
	ota := filepath.Join(t.TempDir(), "ota")
	releases, err := release.Open(t.Context(), release.Config{Store: rooms.Store, Feed: rooms.Feed, Shelf: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	door, err := board.New(t.Context(), board.Config{
		Core: rooms.Switchboard, Releases: releases, Telemetry: rooms.Telemetry, Commands: rooms.Commands,
		Registry: rooms.Registry, Store: rooms.Store, Dir: ota, Log: log, Poll: 10 * time.Millisecond, Stable: 20 * time.Millisecond,
		Every: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(ota, "boot", "meter"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"app.py": "FIRMWARE = '1.2.0'\n", "main.py": "import app\n"} {
		if err := os.WriteFile(filepath.Join(ota, "boot", "meter", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(door)
	defer server.Close()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	fleet := sim.Boards(sim.Config{To: server.URL, Count: 3, UID: "t-"}, sim.BoardConfig{
		AppType: "meter", Interval: 20 * time.Millisecond, Restart: time.Millisecond, Again: 20 * time.Millisecond, Web: true,
	})
	running.Go(func() { door.Run(ctx) })
	running.Go(func() {
		if err := fleet.Run(ctx); err != nil {
			t.Error(err)
		}
	})

	refs := make([]roost.Ref, 0, 3)
	for _, mac := range fleet.MACs() {
		refs = append(refs, roost.Ref{Project: roost.Home, Thing: roost.ThingID("meter-" + mac)})
	}
	for _, ref := range refs {
		roomtest.Eventually(t, "it sends heartbeats", func() bool {
			b, _ := door.Board(ref)
			_, rs, _ := rooms.Registry.Get(ref)
			return b.Firmware == "1.2.0" && b.Meta != "" && len(rs) > 3
		})
	}
	files := func() string {
		all, err := door.Files(t.Context(), refs[0])
		if err != nil {
			t.Fatal(err)
		}
		wrong := ""
		for _, f := range all {
			if f.Wanted != f.There {
				wrong += f.Name
			}
		}
		return wrong
	}
	roomtest.Eventually(t, "its files are right", func() bool { return files() == "" })
	if _, err := door.AddHotfix(t.Context(), refs[0], map[string]string{"app.py": "FIRMWARE = '1.3.0'\n"}, "ada"); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "it runs the hotfix", func() bool { b, _ := door.Board(refs[0]); return b.Firmware == "1.3.0" && files() == "" })
	cmd, err := rooms.Commands.Submit(t.Context(), command.Request{Ref: refs[1], Kind: roost.Restart, By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "it has booted", func() bool {
		c, err := rooms.Commands.Find(t.Context(), roost.Home, cmd.ID)
		return err == nil && c.State == roost.Done
	})
	if err := door.Act(t.Context(), refs[2], board.ActIdentify); err != nil {
		t.Error(err)
	}
	said, err := door.ReadLog(t.Context(), refs[2], "platform_log.txt", 1)
	if err != nil || !strings.Contains(said, "blue, five times") {
		t.Errorf("its log says %q, %v", said, err)
	}
	joined := fleet.Stats().Joined
	if err := door.Act(t.Context(), refs[2], board.ActRestart); err != nil {
		t.Error(err)
	}
	roomtest.Eventually(t, "it has booted at once", func() bool { return fleet.Stats().Joined > joined })
	if st := fleet.Stats(); st.Joined < 3 || st.Sets != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestBoardsNeedAKind(t *testing.T) {
	if err := sim.Boards(sim.Config{To: "127.0.0.1:1"}, sim.BoardConfig{}).Run(t.Context()); err == nil {
		t.Error("no fault")
	}
}
