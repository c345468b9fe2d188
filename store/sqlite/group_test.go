package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

// holdUp keeps the writer busy until release is called.
func holdUp(t *testing.T, s *Store) (release func()) {
	t.Helper()
	tx, err := s.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// shareOne runs writes so that they share one transaction, and gives their errors.
func shareOne(t *testing.T, s *Store, writes ...func() error) []error {
	t.Helper()
	release, before := holdUp(t, s), s.group.taken.Load()
	var all sync.WaitGroup
	all.Go(func() { // the goroutine takes this one and waits for the connection
		if err := s.SaveServerValue(t.Context(), "plug", "1"); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the plug is taken", func() bool { return s.group.taken.Load() > before })
	errs := make([]error, len(writes))
	for i, w := range writes {
		all.Go(func() { errs[i] = w() })
		eventually(t, "queued", func() bool { return len(s.group.queue) == i+1 })
	}
	release()
	all.Wait()
	return errs
}

func TestFailingWriteSparesItsNeighbours(t *testing.T) {
	s, ctx := openNew(t, Config{}), t.Context()
	nowhere := order("bad")
	nowhere.Project = "nowhere"
	thing := func(p roost.ProjectID, id roost.ThingID) roost.Thing {
		return roost.Thing{Ref: roost.Ref{Project: p, Thing: id}}
	}
	before := s.group.commits.Load()
	errs := shareOne(t, s,
		func() error { return s.SaveCommand(ctx, order("one")) },
		func() error { return s.SaveCommand(ctx, nowhere) },
		func() error { return s.SaveThings(ctx, []roost.Thing{thing("home", "a"), thing("nowhere", "b")}) },
		func() error { return s.SaveCommand(ctx, order("two")) },
	)
	if errs[0] != nil || errs[3] != nil {
		t.Errorf("neighbours failed: %v, %v", errs[0], errs[3])
	}
	for _, err := range errs[1:3] {
		if roost.KindOf(err) != roost.NotFound || !strings.Contains(roost.Message(err), `"nowhere"`) {
			t.Errorf("error %v, want no such project", err)
		}
	}
	if n := s.group.commits.Load() - before; n != 2 { // the plug's, and one for all four
		t.Errorf("%d transactions, want 2", n)
	}
	things, err := s.Things(ctx)
	if len(things) != 0 || err != nil {
		t.Errorf("half of a batch that failed was kept: %v (%v)", things, err)
	}
	open, err := s.OpenCommands(ctx)
	if len(open) != 2 || err != nil {
		t.Errorf("commands %v (%v), want one and two", open, err)
	}
}

func TestFullDiskIsToldToWhomItMeets(t *testing.T) {
	s, ctx := openNew(t, Config{}), t.Context()
	if err := s.SaveCommand(ctx, order("before")); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := s.Writer().QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if err := s.Writer().QueryRow(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	huge := order("huge")
	huge.Value = roost.Text(strings.Repeat("x", 1<<20))
	errs := shareOne(t, s,
		func() error { return s.SaveCommand(ctx, order("small")) },
		func() error { return s.SaveCommand(ctx, huge) },
	)
	if errs[0] != nil {
		t.Errorf("the small one beside it: %v", errs[0])
	}
	if roost.KindOf(errs[1]) != roost.Unavailable || !strings.Contains(roost.Message(errs[1]), "full") {
		t.Errorf("the huge one: %v, want a full disk", errs[1])
	}
	if _, err := s.Writer().Exec(`PRAGMA max_page_count = 1000000`); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveCommand(ctx, huge); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func TestCancelledWriteNeverHappens(t *testing.T) {
	s := openNew(t, Config{})
	release := holdUp(t, s)
	short, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	taken := s.group.taken.Load()
	go func() { done <- s.SaveServerValue(t.Context(), "plug", "2") }()
	eventually(t, "the plug is taken", func() bool { return s.group.taken.Load() > taken })
	go func() { done <- s.SaveServerValue(short, "lost", "1") }()
	eventually(t, "queued", func() bool { return len(s.group.queue) == 1 })
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled while it waits", err)
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if v, err := s.ServerValue(t.Context(), "lost"); v != "" || err != nil {
		t.Errorf("a cancelled write left %q (%v)", v, err)
	}
}

func TestCloseCommitsWhatWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Config{})
	release := holdUp(t, s)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if err := s.SaveCommand(t.Context(), order(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "nine wait", func() bool { return int(s.group.taken.Load())+len(s.group.queue) == 10 })
	all.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "closing", func() bool { s.group.mu.RLock(); defer s.group.mu.RUnlock(); return s.group.stopped })
	release()
	all.Wait()
	if err := s.SaveCommand(t.Context(), order("late")); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("a write after Close: %v, want unavailable", err)
	}
	if _, err := s.Things(t.Context()); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("a read after Close: %v, want unavailable", err)
	}
	s = openAt(t, dir, Config{})
	defer s.Close()
	if got, err := s.OpenCommands(t.Context()); len(got) != 10 || err != nil {
		t.Errorf("%d commands kept (%v), want 10", len(got), err)
	}
}

func TestCheckpointsFoldTheLogBack(t *testing.T) {
	s := openNew(t, Config{CheckpointEvery: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	c := order("big")
	c.Value = roost.Text(strings.Repeat("x", 1<<20))
	if err := s.SaveCommand(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the value stands in the database itself", func() bool {
		st, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st.LogBytes > 0 && st.Bytes-st.LogBytes > 1<<20
	})
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
