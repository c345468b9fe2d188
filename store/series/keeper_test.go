package series_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost/store/series"
)

// until polls for what the keeper does in the background.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}

func TestLongLogIsFolded(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{MaxLogBytes: 1000})
	want := model{}
	for i := range int64(40) {
		run(t, d, want, i*200_000, 20)
	}
	until(t, "log folded", func() bool { return d.Stats().Folds > 0 })
	if rows := d.Stats().LogRows; rows >= 40 {
		t.Errorf("%d rows in the log", rows)
	}
	sameAs(t, d, want, 1)
	f.crash(d)
	d = f.open(t, series.Config{})
	defer f.close(t, d)
	sameAs(t, d, want, 1)
}

func TestSilentHeadIsSealedAndForgotten(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{SealAfter: time.Millisecond})
	defer f.close(t, d)
	want := model{}
	for i := range int64(3) {
		run(t, d, want, i*200_000, 20)
		until(t, "head forgotten", func() bool { return d.Stats().Heads == 0 })
	}
	if s := d.Stats(); s.HeadBytes != 0 {
		t.Errorf("%d bytes of heads without a head", s.HeadBytes)
	}
	sameAs(t, d, want, 1)
	f.exec(t, `UPDATE series_chunks SET samples = samples WHERE samples = 60`) // one chunk, not three
}

func TestFailedFoldLosesNothing(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{})
	want := model{}
	run(t, d, want, 0, 5)
	f.exec(t, `CREATE TRIGGER full BEFORE INSERT ON series_open BEGIN SELECT raise(ABORT, 'disk full'); END;
		UPDATE series_log SET seq = seq`)
	if err := d.Flush(t.Context()); err == nil {
		t.Fatal("folded onto a full disk")
	}
	run(t, d, want, 100_000, 5)
	f.exec(t, `DROP TRIGGER full; UPDATE series_log SET seq = seq`)
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := d.Stats().LogRows; rows != 0 {
		t.Errorf("%d rows left in the log", rows)
	}
	f.crash(d)
	d = f.open(t, series.Config{})
	defer f.close(t, d)
	sameAs(t, d, want, 1)
}
