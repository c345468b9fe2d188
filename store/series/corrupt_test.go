package series_test

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost/store/series"
)

func sameAs(t testing.TB, d *series.DB, m model, id series.ID) {
	t.Helper()
	want := m.between(id, math.MinInt64, math.MaxInt64)
	if diff := cmp.Diff(want, all(t, d, id), sameBits); diff != "" {
		t.Errorf("series %d (-want +got):\n%s", id, diff)
	}
}

// run appends n samples of series 1, 10 s apart from time from, in one batch.
func run(t testing.TB, d *series.DB, m model, from int64, n int) {
	t.Helper()
	var batch []series.Sample
	for i := range n {
		at := from + int64(i)*10_000
		batch = append(batch, series.Sample{Series: 1, Time: at, Value: float64(at%1000) / 8})
	}
	for _, s := range batch {
		m.add(s)
	}
	if err := d.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// damage is SQL that changes the fifth byte of data.
const damage = ` SET data = CAST(substr(data, 1, 4) ||
	CASE hex(substr(data, 5, 1)) WHEN '2A' THEN x'2B' ELSE x'2A' END || substr(data, 6) AS BLOB) WHERE `

func loggedTo(f *file) *bytes.Buffer {
	var b bytes.Buffer
	f.log = slog.New(slog.NewTextHandler(&b, nil))
	return &b
}

func wantError(t *testing.T, log *bytes.Buffer, message string) {
	t.Helper()
	if n := strings.Count(log.String(), message); n == 0 || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("%q not reported in:\n%s", message, log)
	}
}

func TestCorruptLogRowIsReportedAndTheRestSurvives(t *testing.T) {
	f := newFile(t)
	log := loggedTo(f)
	d := f.open(t, series.Config{})
	run(t, d, model{}, 0, 5)
	run(t, d, model{}, 100_000, 5)
	run(t, d, model{}, 200_000, 5)
	f.crash(d)
	f.exec(t, `UPDATE series_log`+damage+`seq = 2`)
	log.Reset()
	d = f.open(t, series.Config{})
	wantError(t, log, "log row of readings is corrupt")
	if n := d.Stats().BadRows; n != 1 {
		t.Errorf("%d bad rows counted", n)
	}
	want := model{}
	for _, from := range []int64{0, 200_000} {
		run(t, d, want, from, 5) // the same again changes nothing
	}
	sameAs(t, d, want, 1)
	f.close(t, d)
	d = f.open(t, series.Config{})
	defer f.close(t, d)
	sameAs(t, d, want, 1)
	if n := d.Stats().BadRows; n != 0 {
		t.Errorf("a bad row outlived the fold: %d", n)
	}
}

func TestLogRowIsBoundToItsPlace(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{})
	run(t, d, model{}, 0, 5)
	f.crash(d)
	f.exec(t, `UPDATE series_log SET seq = 7`)
	d = f.open(t, series.Config{})
	defer f.close(t, d)
	if n := d.Stats().BadRows; n != 1 || len(all(t, d, 1)) != 0 {
		t.Errorf("took a row from another place: %d bad rows, %v", n, all(t, d, 1))
	}
}

func TestCorruptOpenRowIsReportedAndTheRestSurvives(t *testing.T) {
	f := newFile(t)
	log := loggedTo(f)
	d := f.open(t, series.Config{})
	run(t, d, model{}, 0, 5)
	if err := d.Append(t.Context(), []series.Sample{{Series: 2, Time: 1, Value: 2}}); err != nil {
		t.Fatal(err)
	}
	f.close(t, d)
	f.exec(t, `UPDATE series_open`+damage+`series = 1`)
	log.Reset()
	d = f.open(t, series.Config{})
	wantError(t, log, "open row of readings is corrupt")
	want := model{2: {1: 2}}
	run(t, d, want, 100_000, 5)
	f.close(t, d)
	d = f.open(t, series.Config{})
	defer f.close(t, d)
	sameAs(t, d, want, 1)
	sameAs(t, d, want, 2)
}

func TestCorruptChunkIsReportedAndTheRestSurvives(t *testing.T) {
	for _, which := range []string{"(SELECT min(id) FROM series_chunks)", "2", "(SELECT max(id) FROM series_chunks)"} {
		f := newFile(t)
		log := loggedTo(f)
		c := series.Config{ChunkSamples: 10}
		d := f.open(t, c)
		whole := model{}
		for i := range int64(4) {
			run(t, d, whole, i*100_000, 10)
		}
		f.exec(t, `UPDATE series_chunks`+damage+`id = `+which)
		left := all(t, d, 1)
		wantError(t, log, "chunk of readings is corrupt")
		if len(left) != 30 || d.Stats().BadChunks == 0 {
			t.Errorf("%d points left of 40 after one chunk of 10 was damaged", len(left))
		}
		want := model{}
		for _, p := range left {
			want.add(series.Sample{Series: 1, Time: p.Time, Value: p.Value})
		}
		// What comes late or next is stored as ever, also where the damage was.
		for i := range int64(5) {
			run(t, d, want, i*100_000+5000, 10)
		}
		sameAs(t, d, want, 1)
		f.close(t, d)
		d = f.open(t, c)
		sameAs(t, d, want, 1)
		f.close(t, d)
	}
}
