package series_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/store/series"
)

const (
	childEnv    = "ROOST_TEST_SERIES_CHILD" // the file that a child process appends to
	childSeries = 20
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, appendForEver(path))
		os.Exit(1)
	}
	leaktest.Main(m)
}

// busy seals and folds all the time.
var busy = series.Config{ChunkSamples: 8, MaxLogBytes: 2000}

// appendForEver appends batch after batch, from where the file stands, and
// prints the number of each that was stored. A batch is one sample per series,
// and one late sample.
func appendForEver(path string) error {
	ctx := context.Background()
	writer, reader, err := connect(path)
	if err != nil {
		return err
	}
	d, err := series.Open(ctx, writer, reader, busy, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	last, _, err := d.Last(ctx, 1)
	if err != nil {
		return err
	}
	go func() { // the process is killed: nobody waits
		for {
			if rand.IntN(2) == 0 {
				d.Flush(ctx)
			} else {
				d.SealAll(ctx)
			}
		}
	}()
	for k := last.Time/1000 + 1; ; k++ {
		if err := d.Append(ctx, killBatch(k)); err != nil {
			return err
		}
		fmt.Println(k)
	}
}

func killBatch(k int64) []series.Sample {
	var batch []series.Sample
	for id := range series.ID(childSeries) {
		batch = append(batch, series.Sample{Series: id + 1, Time: k * 1000, Value: float64(k) / 4})
	}
	return append(batch, series.Sample{Series: series.ID(1 + k%childSeries), Time: k*1000 - 17_500, Value: float64(k)})
}

func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	f := newFile(t)
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		acked := runAndKill(t, f.path, 1+rand.IntN(150))
		d := f.open(t, busy)
		stored := checkKilled(t, d, acked)
		if s := d.Stats(); s.BadRows+s.BadChunks > 0 {
			t.Errorf("round %d: corrupt after a kill: %+v", round, s)
		}
		if round%2 == 0 {
			f.close(t, d)
		} else {
			f.crash(d)
		}
		if t.Failed() {
			t.Fatalf("round %d: %d acknowledged, %d stored", round, acked, stored)
		}
	}
}

// runAndKill kills a child after some acknowledgements and gives the last one.
func runAndKill(t *testing.T, path string, acks int) (acked int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for ; lines.Scan(); acks-- {
		k, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // half a line, cut off by the kill
		}
		acked = k
		if acks == 0 {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if acked == 0 || cmd.ProcessState.Exited() {
		t.Fatalf("the child was not killed at work: %v, %d acknowledged", cmd.ProcessState, acked)
	}
	return acked
}

// checkKilled wants the batches up to acked, and at most one more, whole.
func checkKilled(t *testing.T, d *series.DB, acked int64) (stored int64) {
	t.Helper()
	last, _, err := d.Last(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if stored = last.Time / 1000; stored != acked && stored != acked+1 {
		t.Errorf("%d batches acknowledged, %d stored", acked, stored)
	}
	want := model{}
	for k := range stored {
		for _, s := range killBatch(k + 1) {
			want.add(s)
		}
	}
	for id := range series.ID(childSeries) {
		sameAs(t, d, want, id+1)
	}
	return stored
}
