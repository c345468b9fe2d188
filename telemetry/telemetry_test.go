package telemetry_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/telemetry"
)

var n1 = roost.Ref{Project: roost.Home, Thing: "n1"}

func value(name string, v roost.Value, at time.Time) roost.Resource {
	return roost.Resource{Name: name, Value: v, At: at}
}

// rooms holds one thing and records with commit durability, so that what was
// recorded can be read at once.
func rooms(t *testing.T, dir string) *roomtest.Rooms {
	t.Helper()
	r := roomtest.Open(t, roomtest.Config{Dir: dir, Telemetry: telemetry.Config{Commit: true}})
	if err := r.Store.SaveThing(t.Context(), roost.Thing{Ref: n1, Identity: roost.Identity{Door: "coap", Own: "n1"}, Enrolment: roost.Enrolled}); err != nil {
		t.Fatal(err)
	}
	return r
}

func record(t *testing.T, r *roomtest.Rooms, values ...roost.Resource) {
	t.Helper()
	if err := r.Telemetry.Record(t.Context(), n1, values); err != nil {
		t.Fatal(err)
	}
}

func history(t *testing.T, r *roomtest.Rooms, resource string) telemetry.History {
	t.Helper()
	now := time.Now()
	h, err := r.Telemetry.History(t.Context(), n1, resource, now.Add(-24*time.Hour), now.Add(24*time.Hour), 5000)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestNumbersBecomeSeriesAndTextsStayAsSent(t *testing.T) {
	r := rooms(t, t.TempDir())
	now := time.Now()
	record(t, r,
		value("temperature", `"24.1°C"`, now.Add(-2*time.Minute)), value("temperature", `"24.3°C"`, now.Add(-time.Minute)),
		value("led", `true`, now), value("os", `"riot"`, now), value("imu", `[{"type":"acc","values":[1,2,3]}]`, now))
	if h := history(t, r, "temperature"); len(h.Numbers) != 2 || h.Numbers[0].Last != 24.1 || h.Numbers[1].Last != 24.3 || len(h.Texts) != 0 {
		t.Errorf("temperature: %+v", h)
	}
	if h := history(t, r, "led"); len(h.Numbers) != 1 || h.Numbers[0].Last != 1 {
		t.Errorf("led: %+v", h)
	}
	if h := history(t, r, "os"); len(h.Numbers) != 0 || len(h.Texts) != 1 || h.Texts[0].Value != `"riot"` {
		t.Errorf("os: %+v", h)
	}
	if h := history(t, r, "imu"); len(h.Texts) != 1 || h.Texts[0].Value != `[{"type":"acc","values":[1,2,3]}]` {
		t.Errorf("imu: %+v", h)
	}
	if h := history(t, r, "never"); len(h.Numbers)+len(h.Texts) != 0 {
		t.Errorf("a resource nobody has: %+v", h)
	}
}

func TestTextIsKeptWhenItChanges(t *testing.T) {
	r := rooms(t, t.TempDir())
	now := time.Now()
	for i, s := range []string{"a", "a", "b", "b", "a"} {
		record(t, r, value("text", roost.Text(s), now.Add(time.Duration(i)*time.Second)))
	}
	h := history(t, r, "text")
	if len(h.Texts) != 3 || h.Texts[0].Value != `"a"` || h.Texts[1].Value != `"b"` || h.Texts[2].Value != `"a"` {
		t.Errorf("kept, newest first: %+v", h.Texts)
	}
}

func TestFutureTimesAreClampedAndCounted(t *testing.T) {
	r := rooms(t, t.TempDir())
	record(t, r, value("t", `1`, time.Now().Add(20*time.Hour)), value("t", `2`, time.Now().Add(-time.Hour)))
	h := history(t, r, "t")
	if len(h.Numbers) != 2 || h.Numbers[1].LastTime > time.Now().UnixMilli() || r.Telemetry.Stats().Clamped != 1 {
		t.Errorf("%+v, clamped %d", h.Numbers, r.Telemetry.Stats().Clamped)
	}
}

func TestReadingsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	r := rooms(t, dir)
	record(t, r, value("t", `1.5`, time.Now()))
	r.Stop()
	if h := history(t, rooms(t, dir), "t"); len(h.Numbers) != 1 || h.Numbers[0].Last != 1.5 {
		t.Errorf("%+v", h.Numbers)
	}
}

func TestDroppedThingHasNoReadings(t *testing.T) {
	r := rooms(t, t.TempDir())
	record(t, r, value("t", `1`, time.Now()), value("os", `"riot"`, time.Now()))
	if err := r.Telemetry.Drop(t.Context(), n1); err != nil {
		t.Fatal(err)
	}
	if h := history(t, r, "t"); len(h.Numbers) != 0 {
		t.Errorf("%+v", h.Numbers)
	}
	record(t, r, value("os", `"riot"`, time.Now()))
	if h := history(t, r, "os"); len(h.Texts) != 1 {
		t.Errorf("the first text after that: %+v", h.Texts)
	}
}

// breaking is a Store that fails while told to.
type breaking struct {
	telemetry.Store
	mu     sync.Mutex
	broken bool
}

func (b *breaking) set(broken bool) { b.mu.Lock(); b.broken = broken; b.mu.Unlock() }

func (b *breaking) SaveTexts(ctx context.Context, batch []roost.TextReading) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errors.New("disk on fire")
	}
	return b.Store.SaveTexts(ctx, batch)
}

func TestBrokenStoreRefusesWhenFullAndLosesNothing(t *testing.T) {
	r := rooms(t, t.TempDir())
	store := &breaking{Store: r.Store, broken: true}
	room := telemetry.New(store, r.Numbers, telemetry.Config{MaxPending: 10, BatchEvery: time.Millisecond}, discard)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { room.Run(ctx) })
	start := time.Now()
	var refusal error
	taken := 0
	for refusal == nil && time.Since(start) < time.Minute {
		refusal = room.Record(t.Context(), n1, []roost.Resource{value("text", roost.Text("at "+time.Since(start).String()), start.Add(time.Duration(taken)*time.Millisecond))})
		if refusal == nil {
			taken++
		}
	}
	if roost.KindOf(refusal) != roost.Unavailable || taken < 10 {
		t.Fatalf("after %d readings: %v", taken, refusal)
	}
	store.set(false)
	cancel() // the last flush writes what is left
	run.Wait()
	if h := history(t, r, "text"); len(h.Texts) != taken {
		t.Errorf("%d of %d are there", len(h.Texts), taken)
	}
}

func TestCommitWaitsForTheDiskEvenOverARetry(t *testing.T) {
	r := rooms(t, t.TempDir())
	store := &breaking{Store: r.Store, broken: true}
	room := telemetry.New(store, r.Numbers, telemetry.Config{Commit: true}, discard)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { room.Run(ctx) })
	soon, stop := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer stop()
	if err := room.Record(soon, n1, []roost.Resource{value("text", `"a"`, time.Now())}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it returned %v while the store is broken", err)
	}
	store.set(false)
	if err := room.Record(t.Context(), n1, []roost.Resource{value("text", `"b"`, time.Now().Add(time.Second))}); err != nil {
		t.Error(err)
	}
	if h := history(t, r, "text"); len(h.Texts) != 2 {
		t.Errorf("kept: %+v", h.Texts)
	}
	cancel()
	run.Wait()
}

func BenchmarkRecord(b *testing.B) {
	r := roomtest.Open(b, roomtest.Config{})
	if err := r.Store.SaveThing(b.Context(), roost.Thing{Ref: n1, Identity: roost.Identity{Door: "coap", Own: "n1"}, Enrolment: roost.Enrolled}); err != nil {
		b.Fatal(err)
	}
	v := []roost.Resource{value("temperature", `"24.1°C"`, time.Now())}
	b.ReportAllocs()
	for b.Loop() {
		v[0].At = v[0].At.Add(time.Millisecond)
		for r.Telemetry.Record(b.Context(), n1, v) != nil {
			time.Sleep(time.Millisecond) // full: the measure is what the disk takes
		}
	}
}

func TestDropTakesWhatIsPendingToo(t *testing.T) {
	r := rooms(t, t.TempDir())
	room := telemetry.New(r.Store, r.Numbers, telemetry.Config{}, discard)
	if err := room.Record(t.Context(), n1, []roost.Resource{value("t", `1`, time.Now())}); err != nil {
		t.Fatal(err)
	}
	if err := room.Drop(t.Context(), n1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	room.Run(ctx) // writes what is left
	if h := history(t, r, "t"); len(h.Numbers) != 0 {
		t.Errorf("it came back: %+v", h.Numbers)
	}
}

func TestNobodyWaitsForABatchThatIsNotWritten(t *testing.T) {
	r := rooms(t, t.TempDir())
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	room := telemetry.New(r.Store, r.Numbers, telemetry.Config{Commit: true}, discard) // not running
	if err := room.Record(ctx, n1, nil); err != nil {
		t.Errorf("nothing to record: %v", err)
	}
	recorded := make(chan error, 1)
	go func() { recorded <- room.Record(ctx, n1, []roost.Resource{value("t", `1`, time.Now())}) }()
	for room.Stats().Pending == 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := room.Drop(ctx, n1); err != nil {
		t.Fatal(err)
	}
	if err := <-recorded; err != nil {
		t.Errorf("its thing was deleted: %v", err)
	}
}
