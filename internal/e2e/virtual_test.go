//go:build vm

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim/desk"
)

// slowly is how long a virtual board may take for one step: the race detector makes
// MicroPython slow, and each board restarts for each update.
const slowly = 4 * time.Minute

// soon polls until ok holds.
func soon(t *testing.T, board *desk.Board, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(slowly); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s; the board printed:\n%s", what, board.Console())
		}
	}
}

// boardApp is an app that says n, and fails after a moment if it is told to.
func boardApp(n int, fails bool) map[string]string {
	text := fmt.Sprintf("import asyncio, platform\n\nasync def run():\n    platform.report(n=%d)\n    while True:\n        await asyncio.sleep_ms(200)\n", n)
	if fails {
		text += "        raise ValueError('no such sensor')\n"
	}
	return map[string]string{"app.py": text}
}

// runtimeView is what is read of a thing's runtime.
type runtimeView struct {
	App struct {
		Version string
		Trial   int
		Bad     []string
	}
	Update *struct{ State, Version string }
}

// shipped is an app on a server, and one board that runs it.
type shipped struct {
	s   *server
	app string
	id  string
}

func (x *shipped) commit(n int, fails bool) {
	x.s.t.Helper()
	x.s.call("POST", "/apps/"+x.app+"/commits", map[string]any{"message": fmt.Sprint("says ", n), "files": boardApp(n, fails)}, nil)
}

// says is the value of n.
func (x *shipped) says() string {
	x.s.t.Helper()
	var list struct {
		Resources []struct {
			Name  string
			Value any
		}
	}
	x.s.call("GET", "/things/"+x.id+"/resources", nil, &list)
	for _, r := range list.Resources {
		if r.Name == "n" {
			return fmt.Sprint(r.Value)
		}
	}
	return ""
}

func (x *shipped) runtime() (v runtimeView) {
	x.s.t.Helper()
	x.s.call("GET", "/things/"+x.id+"/runtime", nil, &v)
	return v
}

func newShipped(s *server) *shipped {
	s.t.Helper()
	var app struct{ ID string }
	s.call("POST", "/apps", map[string]any{"name": "Meter", "latest": true, "os": "factory"}, &app)
	x := &shipped{s: s, app: app.ID}
	x.commit(1, false)
	return x
}

// From a board that nobody knows to one that comes back by itself from code that fails.
func TestAVirtualBoardLivesItsWholeLife(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "approve")
	x := newShipped(s)
	board, err := desk.NewBoard(desk.BoardConfig{
		URL: "http://" + s.http, Joins: true, MAC: "28cdc1070809", Settings: map[string]any{"trial": 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = board.Stop() }()
	board.Start()
	soon(t, board, "it waits for approval", func() bool {
		var list struct{ Things []struct{ ID, State string } }
		s.call("GET", "/things?state=waiting", nil, &list)
		if len(list.Things) == 1 {
			x.id = list.Things[0].ID
		}
		return x.id != ""
	})
	s.call("POST", "/things/"+x.id+"/approve", nil, nil)
	soon(t, board, "it says what it is, and gets an app", func() bool {
		status, _, err := s.ask("PUT", "/things/"+x.id+"/app", map[string]any{"app": x.app})
		return err == nil && status/100 == 2
	})
	soon(t, board, "the app runs", func() bool { return x.says() == "1" })
	settled := func() bool { return x.runtime().App.Trial == 0 && x.runtime().App.Version != "0" }
	soon(t, board, "it is confirmed", settled)

	x.commit(2, false)
	soon(t, board, "the new code runs", func() bool { return x.says() == "2" })
	soon(t, board, "it is confirmed, too", settled)
	good := x.runtime().App.Version

	x.commit(3, true)
	soon(t, board, "the code before runs again", func() bool { v := x.runtime(); return v.App.Version == good && len(v.App.Bad) == 1 && x.says() == "2" })
	soon(t, board, "the crash is told", func() bool {
		var list struct {
			Groups []struct{ Error, Part string }
		}
		s.call("GET", "/crashes?app="+x.app, nil, &list)
		return len(list.Groups) > 0 && list.Groups[0].Part == "app" && strings.Contains(list.Groups[0].Error, "no such sensor")
	})
	board.PowerCut()
	x.commit(4, false)
	soon(t, board, "mended code runs", func() bool { return x.says() == "4" })
	s.endsWell()
}

// A hundred boards at once get their app and run it.
func TestAHundredVirtualBoards(t *testing.T) {
	const boards = 100
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "approve")
	newShipped(s)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	fleet := exec.CommandContext(ctx, binary, "sim", "micropython", "--data", s.data, "--app", "Meter", "--count", fmt.Sprint(boards), "--join-spread", "5s")
	printed := &screen{}
	fleet.Stdout, fleet.Stderr = printed, printed
	if err := fleet.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = fleet.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(patience, func() {
			t.Errorf("SIGTERM does not end roost sim:\n%s", printed)
			stop()
		})
		defer late.Stop()
		_ = fleet.Wait() // its end by a signal is no fault
	}()
	say := func(n string) int {
		var list struct {
			Things []struct {
				Resources []struct {
					Name  string
					Value any
				}
			}
		}
		s.call("GET", "/things", nil, &list)
		count := 0
		for _, thing := range list.Things {
			for _, r := range thing.Resources {
				if r.Name == "n" && fmt.Sprint(r.Value) == n {
					count++
				}
			}
		}
		return count
	}
	wait := func(n string) {
		t.Helper()
		for end := time.Now().Add(3 * slowly); say(n) < boards; time.Sleep(time.Second) {
			if time.Now().After(end) {
				t.Fatalf("%d of %d boards say %s:\n%s", say(n), boards, n, printed)
			}
		}
	}
	wait("1")
	s.endsWell()
}
