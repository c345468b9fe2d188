package release_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/store/sqlite"
)

// childDir in the environment makes the test binary a server that commits and registers
// until it is killed.
const childDir = "ROOST_TEST_RELEASE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, workForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workForEver prints what it was acknowledged: "app ID", "commit ID", "run THING ID".
func workForEver(dir string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, sqlite.Config{})
	if err != nil {
		return err
	}
	r, err := release.Open(ctx, release.Config{Store: s, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	a, err := r.CreateApp(ctx, roost.Home, release.NewApp{Name: roost.NewID(), Latest: true})
	if err != nil {
		return err
	}
	fmt.Println("app", a.ID)
	failed := make(chan error, 3)
	for n := range 2 {
		go func() {
			for {
				run, err := r.Register(ctx, release.Registration{Ref: home("n" + strconv.Itoa(n)), App: a.ID})
				if err != nil {
					failed <- err
				}
				fmt.Println("run", run.Thing, run.ID)
			}
		}()
	}
	go func() {
		for i := 0; ; i++ {
			c, err := r.MakeCommit(ctx, roost.Home, a.ID, release.NewCommit{Files: files(strconv.Itoa(i))})
			if err != nil {
				failed <- err
			}
			fmt.Println("commit", c.ID)
		}
	}()
	return <-failed
}

func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	r := newRoom(t, nil)
	for _, lines := range []int{1, 30, 200} {
		r.stop()
		r.must(r.store.Close())
		said := killed(t, r.dir, lines)
		r.open()
		var app roost.AppID
		last := map[string]string{}
		for _, line := range said {
			switch word := strings.Fields(line); word[0] {
			case "app":
				app = roost.AppID(word[1])
			case "commit":
				if got := contents(r, roost.App{ID: app}, word[1]); !strings.Contains(got["worker_task.py"], "WorkerTask") || len(got) != 2 {
					t.Errorf("commit %s has %q", word[1], got)
				}
			case "run":
				last[word[1]] = word[2]
			}
		}
		for id, run := range last { // the newest may have begun after it, unheard
			got, ok, err := r.RunOf(t.Context(), home(id), run)
			if err != nil || !ok {
				t.Errorf("run %s of %s was acknowledged and is gone (%v): %+v", run, id, err, got)
			}
			if w, ok := r.Wanted(home(id)); !ok || w.App.ID != app || w.Commit == "" {
				t.Errorf("wanted of %s: %+v", id, w)
			}
		}
		for _, c := range get(r.Commits(t.Context(), roost.Home, app))(t) {
			contents(r, roost.App{ID: app}, c.ID) // those that nobody heard of are whole, too
		}
	}
}

// killed runs a child until it has said some lines, and gives all that it said.
func killed(t *testing.T, dir string, lines int) (said []string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, func() {
		t.Error("the child says nothing any more")
		_ = child.Process.Kill()
	})
	defer late.Stop()
	in := bufio.NewScanner(out)
	for in.Scan() {
		if said = append(said, in.Text()); len(said) == lines {
			if err := child.Process.Kill(); err != nil { // what it printed before is still read
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if len(said) < lines {
		t.Fatalf("the child said %q and ended", said)
	}
	return said
}
