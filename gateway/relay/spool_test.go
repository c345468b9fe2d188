package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

func open(t testing.TB, cfg spoolConfig) *spool {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := openSpool(cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *spool) put1(t testing.TB, text string) uint64 {
	t.Helper()
	n, b, err := s.Append(time.Now(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := b.settle(ctx); err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *spool) end(t testing.TB) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// all reads from the first unacknowledged entry on, a few at a time.
func (s *spool) all() (list []string, numbers []uint64) {
	for number := uint64(1); ; {
		got := s.Read(number, 3, 1<<20)
		if len(got) == 0 {
			return list, numbers
		}
		for _, r := range got {
			list, numbers = append(list, string(r.body)), append(numbers, r.number)
			number = r.number + 1
		}
	}
}

func TestEntriesOutliveTheProcessInOrder(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		s := open(t, spoolConfig{Dir: dir, Segment: 256, Commit: round%2 == 0})
		for i := range 25 {
			s.put1(t, fmt.Sprintf("round %d entry %d", round, i))
		}
		s.end(t)
	}
	s := open(t, spoolConfig{Dir: dir, Segment: 256})
	defer s.end(t)
	list, numbers := s.all()
	if len(list) != 100 {
		t.Fatalf("%d of 100 are there", len(list))
	}
	for i, text := range list {
		if want := fmt.Sprintf("round %d entry %d", i/25, i%25); text != want || numbers[i] != uint64(i+1) {
			t.Fatalf("at %d: %d %q, want %q", i, numbers[i], text, want)
		}
	}
	s.Acknowledge(60)
	if list, numbers := s.all(); len(list) != 40 || numbers[0] != 61 {
		t.Errorf("after 60 were acknowledged: %d, from %d", len(list), numbers[0])
	}
	if st := s.Stats(); st.Entries != 40 || st.Oldest.IsZero() || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

func TestAcknowledgedFilesAreDeletedAndNumbersGoOn(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spoolConfig{Dir: dir, Segment: 256})
	var last uint64
	for i := range 100 {
		last = s.put1(t, fmt.Sprint("entry ", i))
	}
	s.Acknowledge(last)
	roomtest.Eventually(t, "files are gone", func() bool { return len(files(t, dir)) == 1 })
	s.end(t)
	s = open(t, spoolConfig{Dir: dir})
	defer s.end(t)
	if n := s.put1(t, "more"); n != last+1 {
		t.Errorf("number %d behind %d", n, last)
	}
	if list, _ := s.all(); len(list) != 1 || list[0] != "more" {
		t.Errorf("%q", list)
	}
}

func TestOldestAreDroppedAndCountedWhenFull(t *testing.T) {
	s := open(t, spoolConfig{MaxBytes: 4096, Segment: 512})
	defer s.end(t)
	for i := range 400 {
		s.put1(t, fmt.Sprintf("entry %03d", i))
	}
	var list []string
	var numbers []uint64
	roomtest.Eventually(t, "it is within its bound", func() bool {
		list, numbers = s.all()
		return s.Stats().Bytes <= 4096
	})
	st := s.Stats()
	if st.Dropped == 0 || st.Dropped+st.Entries != 400 {
		t.Errorf("%+v", st)
	}
	list, numbers = s.all()
	if uint64(len(list)) != st.Entries || numbers[0] != st.Dropped+1 || list[len(list)-1] != "entry 399" {
		t.Errorf("%d left from %d to %q; %+v", len(list), numbers[0], list[len(list)-1], st)
	}
}

func TestEntriesAreDroppedByAge(t *testing.T) {
	s := open(t, spoolConfig{Segment: 100, MaxAge: time.Hour})
	defer s.end(t)
	old := time.Now().Add(-2 * time.Hour)
	for i := range 20 {
		_, b, err := s.Append(old.Add(time.Duration(i)*time.Second), []byte("a reading of two hours ago"))
		if err == nil {
			err = b.settle(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		s.put1(t, "a reading of now, in a file of its own")
	}
	roomtest.Eventually(t, "old ones are gone", func() bool { return s.Stats().Dropped == 20 && s.Stats().Entries == 3 })
}

// TestCutOrChangedAnywhere: whatever is cut off or changed in a file, all that
// stands before it is kept, all files after it too, and the spool goes on.
func TestCutOrChangedAnywhere(t *testing.T) {
	origin := t.TempDir()
	s := open(t, spoolConfig{Dir: origin, Segment: 128})
	for i := range 12 {
		s.put1(t, fmt.Sprintf("entry %02d", i))
	}
	s.end(t)
	var victims []string
	for _, name := range files(t, origin) {
		if raw, _ := os.ReadFile(filepath.Join(origin, name)); len(raw) > segmentHead {
			victims = append(victims, name)
		}
	}
	if len(victims) < 3 {
		t.Fatalf("files: %q", victims)
	}
	for _, victim := range []string{victims[0], victims[len(victims)-1]} {
		raw, err := os.ReadFile(filepath.Join(origin, victim))
		if err != nil {
			t.Fatal(err)
		}
		for at := range raw {
			tryDamaged(t, origin, victim, raw[:at], at)
			if at%3 == 0 {
				changed := append([]byte(nil), raw...)
				changed[at] ^= 0x41
				tryDamaged(t, origin, victim, changed, at)
			}
		}
	}
}

// tryDamaged opens a copy of the spool in which one file holds raw, good up to at.
func tryDamaged(t *testing.T, origin, victim string, raw []byte, at int) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "spool")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // TempDir does it in the end
	if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, victim), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	first, _ := segmentFirst(victim)
	whole := 0 // records before the damage
	const size = recordHead + len("entry 00")
	if at >= segmentHead {
		whole = (at - segmentHead) / size
	}
	s := open(t, spoolConfig{Dir: dir, Segment: 128})
	defer s.end(t)
	n := s.put1(t, "after")
	list, numbers := s.all()
	lostFrom, behind := first+uint64(whole), uint64(0)
	for i, text := range list[:len(list)-1] {
		if want := fmt.Sprintf("entry %02d", numbers[i]-1); text != want {
			t.Fatalf("%s at %d: number %d is %q", victim, at, numbers[i], text)
		}
		if numbers[i] >= lostFrom && behind == 0 {
			behind = numbers[i]
		}
	}
	if list[len(list)-1] != "after" || numbers[len(list)-1] != n {
		t.Fatalf("%s at %d: the last is %q", victim, at, list[len(list)-1])
	}
	before := 0
	for _, number := range numbers[:len(list)-1] {
		if number < lostFrom {
			before++
		}
	}
	if before != int(lostFrom-1) {
		t.Fatalf("%s at %d: %d of %d before the damage are there", victim, at, before, lostFrom-1)
	}
	if next, ok := nextFile(t, origin, first); ok && behind != next {
		t.Fatalf("%s at %d: behind the damage comes %d, not %d", victim, at, behind, next)
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if _, ok := segmentFirst(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	return names
}

// nextFile gives the number of the first entry behind a file.
func nextFile(t *testing.T, dir string, first uint64) (uint64, bool) {
	for _, name := range files(t, dir) {
		n, _ := segmentFirst(name)
		if raw, _ := os.ReadFile(filepath.Join(dir, name)); n > first && len(raw) > segmentHead {
			return n, true
		}
	}
	return 0, false
}

func TestSpoolOfAnotherProcessIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spoolConfig{Dir: dir})
	if _, err := openSpool(spoolConfig{Dir: dir}, quiet); err == nil {
		t.Error("two have it open")
	}
	s.end(t)
	open(t, spoolConfig{Dir: dir}).end(t)
}

func TestDamageWhileRunningIsSkipped(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spoolConfig{Dir: dir, Segment: 128})
	for i := range 12 {
		s.put1(t, fmt.Sprintf("entry %02d", i))
	}
	s.end(t)
	s = open(t, spoolConfig{Dir: dir, Segment: 128})
	defer s.end(t)
	first := files(t, dir)[0]
	if err := os.WriteFile(filepath.Join(dir, first), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, numbers := s.all()
	st := s.Stats()
	if len(numbers) == 0 || numbers[0] != st.Dropped+1 || numbers[len(numbers)-1] != 12 || st.Dropped == 0 {
		t.Errorf("numbers %v, %+v", numbers, st)
	}
}

// TestWhatCannotBeReadAtPresentIsReadLater: a disk, or a table of open files, that is
// full for a moment costs no reading.
func TestWhatCannotBeReadAtPresentIsReadLater(t *testing.T) {
	cfg := spoolConfig{Dir: t.TempDir()}
	s := open(t, cfg)
	for _, text := range []string{"one", "two", "three"} {
		s.put1(t, text)
	}
	s.end(t)
	s = open(t, cfg)
	defer s.end(t)
	path := segmentPath(cfg.Dir, 1)
	if err := errors.Join(os.Rename(path, path+".away"), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	s.put1(t, "four")
	if got, _ := s.all(); len(got) > 0 {
		t.Errorf("%q went ahead of what cannot be read", got)
	}
	if err := errors.Join(os.Remove(path), os.Rename(path+".away", path)); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.all(); len(got) != 4 {
		t.Errorf("%q came, not all four", got)
	}
	if n := s.Stats().Dropped; n > 0 {
		t.Errorf("%d entries are counted as lost", n)
	}
}

func FuzzSegment(f *testing.F) {
	good := appendSegmentHead(nil, 7)
	for i := range 3 {
		good = appendRecord(good, record{number: uint64(7 + i), at: time.Unix(1, 2), body: []byte("body")})
	}
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		path := segmentPath(dir, 7)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		var seen int
		g, damaged, err := scan(path, 7, func(record) { seen++ })
		if err != nil {
			t.Fatal(err)
		}
		if uint64(seen) != g.count() || g.size > int64(len(raw)) || !damaged && g.size != int64(len(raw)) {
			t.Fatalf("seen %d, %+v, damaged %v", seen, g, damaged)
		}
		s, err := openSpool(spoolConfig{Dir: dir}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if list, _ := s.all(); len(list) != seen {
			t.Errorf("%d of %d kept", len(list), seen)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFullDiskRefusesAndGoesOn: what was taken before is kept in memory until the disk
// takes it; when too much waits, doors are told to come later.
func TestFullDiskRefusesAndGoesOn(t *testing.T) {
	var full atomic.Bool
	s := open(t, spoolConfig{fault: func() error {
		if full.Load() {
			return syscall.ENOSPC
		}
		return nil
	}})
	s.put1(t, "before")
	full.Store(true)
	body := make([]byte, 1<<20)
	taken, err := 0, error(nil)
	for taken < 100 {
		if _, _, err = s.Append(time.Now(), body); err != nil {
			break
		}
		taken++
	}
	if roost.KindOf(err) != roost.Unavailable || taken < 4 || taken > 20 {
		t.Fatalf("%d taken, then %v", taken, err)
	}
	roomtest.Eventually(t, "it says why", func() bool { return errors.Is(s.Stats().Broken, syscall.ENOSPC) })
	if st := s.Stats(); st.Entries != uint64(taken)+1 {
		t.Errorf("%+v", st)
	}
	full.Store(false)
	s.put1Later(t, "after")
	if list, _ := s.all(); len(list) != taken+2 || list[0] != "before" || list[taken+1] != "after" {
		t.Errorf("%d of %d are there", len(list), taken+2)
	}
	if st := s.Stats(); st.Broken != nil || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
	s.end(t)
}

// put1Later appends as soon as there is room.
func (s *spool) put1Later(t *testing.T, text string) {
	t.Helper()
	roomtest.Eventually(t, "there is room", func() bool {
		_, b, err := s.Append(time.Now(), []byte(text))
		return err == nil && b.settle(t.Context()) == nil
	})
}
