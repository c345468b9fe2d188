package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/telemetry"
)

func message(data string, at time.Time) roost.WorkerMessage {
	return roost.WorkerMessage{Ref: n1, App: "app-1", At: at, Data: roost.Value(data)}
}

func tell(t *testing.T, room *telemetry.Telemetry, messages ...roost.WorkerMessage) {
	t.Helper()
	for _, m := range messages {
		if err := room.RecordMessage(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

func messages(t *testing.T, r *roomtest.Rooms) []roost.WorkerMessage {
	t.Helper()
	all, err := r.Telemetry.Messages(t.Context(), n1, telemetry.MessageQuery{Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestMessagesOfTheSameTimeAreTwo(t *testing.T) {
	dir, now := t.TempDir(), time.Now().Truncate(time.Microsecond)
	r := rooms(t, dir)
	events := r.Feed.Tail()
	defer events.Close()
	tell(t, r.Telemetry, message(`{"a":1}`, now), message(`{"a":1}`, now), message(`"hello"`, time.Time{}))
	var seen []int64
	for range 3 {
		e := roomtest.Next(t, events, roost.MessageArrived)
		if e.Ref != n1 || e.Message == nil || e.Message.App != "app-1" {
			t.Errorf("event %+v", e)
		}
		seen = append(seen, e.Message.ID)
	}
	kept := messages(t, r)
	if len(kept) != 3 || kept[0].Data != `{"a":1}` || !kept[1].At.Equal(now) || kept[2].Data != `"hello"` || kept[2].At.Before(now) {
		t.Fatalf("kept %+v", kept)
	}
	for i, m := range kept {
		if m.ID != seen[i] || (i > 0 && m.ID <= kept[i-1].ID) {
			t.Errorf("message %d has the id %d, the feed said %d", i, m.ID, seen[i])
		}
	}
	r.Stop()
	r = rooms(t, dir)
	tell(t, r.Telemetry, message(`4`, time.Time{}))
	if again := messages(t, r); len(again) != 4 || again[3].ID <= kept[2].ID {
		t.Errorf("after a restart %+v", again)
	}
	if n, err := r.Telemetry.CountMessages(t.Context(), roost.Home); n != 4 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	r := rooms(t, t.TempDir())
	for data, want := range map[string]roost.ErrorKind{
		"": roost.Invalid, "{": roost.Invalid, "hello": roost.Invalid,
		`"` + strings.Repeat("x", 64<<10) + `"`: roost.TooLarge,
	} {
		if err := r.Telemetry.RecordMessage(t.Context(), message(data, time.Now())); err == nil || roost.KindOf(err) != want {
			t.Errorf("%.10q: %v, want kind %d", data, err, want)
		}
	}
	tell(t, r.Telemetry, message(`"`+strings.Repeat("x", 64<<10-2)+`"`, time.Now()))
	if kept := messages(t, r); len(kept) != 1 {
		t.Errorf("%d are kept", len(kept))
	}
}

func TestMessageFromTheFutureIsOfNow(t *testing.T) {
	r := rooms(t, t.TempDir())
	tell(t, r.Telemetry, message(`1`, time.Now().Add(time.Hour)))
	if kept := messages(t, r); len(kept) != 1 || kept[0].At.After(time.Now()) || r.Telemetry.Stats().Clamped != 1 {
		t.Errorf("%+v", kept)
	}
}

func TestPendingMessagesAreBounded(t *testing.T) {
	r := rooms(t, t.TempDir())
	room := telemetry.New(r.Store, r.Numbers, telemetry.Config{MaxPending: 3}, discard) // not running
	tell(t, room, message(`1`, time.Now()), message(`2`, time.Now()), message(`3`, time.Now()))
	if err := room.RecordMessage(t.Context(), message(`4`, time.Now())); roost.KindOf(err) != roost.Unavailable || room.Stats().Refused != 1 {
		t.Errorf("%v, %+v", err, room.Stats())
	}
	big := telemetry.New(r.Store, r.Numbers, telemetry.Config{}, discard)
	var err error
	for i := 0; err == nil && i < 5000; i++ {
		err = big.RecordMessage(t.Context(), message(`"`+strings.Repeat("x", 60<<10)+`"`, time.Now()))
	}
	if roost.KindOf(err) != roost.Unavailable {
		t.Errorf("300 MB wait: %v", err)
	}
}

func TestNewestMessagesAndLinesAreKept(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Telemetry: telemetry.Config{Commit: true, Messages: 10, Lines: 5}})
	start := time.Now().Add(-time.Hour)
	for i := range 25 {
		tell(t, r.Telemetry, message(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second)))
		r.Telemetry.Write(roost.LogLine{Ref: n1, Text: fmt.Sprint("line ", i)})
	}
	roomtest.Eventually(t, "old messages went", func() bool { return len(messages(t, r)) == 10 })
	if kept := messages(t, r); kept[0].Data != "15" || kept[9].Data != "24" {
		t.Errorf("kept %+v", kept)
	}
	roomtest.Eventually(t, "old lines went", func() bool {
		lines, err := r.Telemetry.LogOf(t.Context(), n1, 0, 0)
		return err == nil && len(lines) == 5 && lines[0].Text == "line 24"
	})
}

func TestLogOfAThing(t *testing.T) {
	r := rooms(t, t.TempDir())
	events := r.Feed.Tail()
	defer events.Close()
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	r.Telemetry.Write(roost.LogLine{Ref: n1, At: at, Text: "registered: v1.1.0"})
	r.Telemetry.Write(roost.LogLine{Ref: n1, Level: "error", Text: strings.Repeat("é", 600), Detail: "bad \xff" + strings.Repeat("x", 20_000)})
	first, second := roomtest.Next(t, events, roost.LogWritten).Line, roomtest.Next(t, events, roost.LogWritten).Line
	if err := r.Telemetry.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	lines, err := r.Telemetry.LogOf(t.Context(), n1, 0, 10)
	if err != nil || len(lines) != 2 {
		t.Fatalf("%v, %v", lines, err)
	}
	old, young := lines[1], lines[0]
	if old.Text != "registered: v1.1.0" || old.Level != "info" || !old.At.Equal(at) || old.ID != first.ID || young.ID != second.ID {
		t.Errorf("%+v, the feed said %+v", old, first)
	}
	if !strings.HasPrefix(young.Text, "éé") || len(young.Text) > 1010 || len(young.Detail) > 17_000 || !strings.HasPrefix(young.Detail, "bad \uFFFDxx") {
		t.Errorf("text of %d bytes, detail of %d", len(young.Text), len(young.Detail))
	}
	if before, err := r.Telemetry.LogOf(t.Context(), n1, young.ID, 10); err != nil || len(before) != 1 {
		t.Errorf("before the second: %v, %v", before, err)
	}
}

func TestLogLinesThatCannotBeKeptAreCounted(t *testing.T) {
	r := rooms(t, t.TempDir())
	room := telemetry.New(r.Store, r.Numbers, telemetry.Config{}, discard) // not running
	for range 10_003 {
		room.Write(roost.LogLine{Ref: n1, Text: "x"})
	}
	if n := room.Stats().Dropped; n != 3 {
		t.Errorf("%d dropped", n)
	}
}

func TestDropTakesMessagesAndLog(t *testing.T) {
	r := rooms(t, t.TempDir())
	room := telemetry.New(r.Store, r.Numbers, telemetry.Config{}, discard)
	n2 := roost.Ref{Project: roost.Home, Thing: "n2"}
	write := func() {
		tell(t, room, message(`1`, time.Now()), roost.WorkerMessage{Ref: n2, Data: `2`})
		room.Write(roost.LogLine{Ref: n1, Text: "x"})
		room.Write(roost.LogLine{Ref: n2, Text: "y"})
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	write()
	room.Run(over) // writes what is pending
	write()        // pending
	if err := room.Drop(t.Context(), n1); err != nil {
		t.Fatal(err)
	}
	room.Run(over)
	for ref, want := range map[roost.Ref]int{n1: 0, n2: 2} {
		m, err := room.Messages(t.Context(), ref, telemetry.MessageQuery{})
		if err != nil || len(m) != want {
			t.Errorf("%s has the messages %v, %v", ref, m, err)
		}
		if l, err := room.LogOf(t.Context(), ref, 0, 0); err != nil || len(l) != want {
			t.Errorf("%s has the lines %v, %v", ref, l, err)
		}
	}
}

// SaveLines fails while told to: the messages of the batch are written by then.
func (b *breaking) SaveLines(ctx context.Context, batch []roost.LogLine) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return errors.New("disk on fire")
	}
	return b.Store.SaveLines(ctx, batch)
}

func TestBatchWrittenTwiceDoublesNothing(t *testing.T) {
	r := rooms(t, t.TempDir())
	store := &breaking{Store: r.Store, broken: true}
	room := telemetry.New(store, r.Numbers, telemetry.Config{}, discard)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	write := func(n string) {
		tell(t, room, message(n, time.Time{}))
		room.Write(roost.LogLine{Ref: n1, Text: n})
	}
	write("1")
	room.Run(over)
	if kept := messages(t, r); len(kept) != 1 {
		t.Fatalf("the test is wrong: %v", kept)
	}
	store.set(false)
	write("2")
	room.Run(over)
	if kept := messages(t, r); len(kept) != 2 || kept[0].Data != "1" || kept[1].Data != "2" {
		t.Errorf("kept %v", kept)
	}
	if lines, err := room.LogOf(t.Context(), n1, 0, 0); err != nil || len(lines) != 2 || lines[0].Text != "2" {
		t.Errorf("lines %v, %v", lines, err)
	}
}

func TestMessagesOfManyAtOnceAreAllThere(t *testing.T) {
	r := rooms(t, t.TempDir())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				tell(t, r.Telemetry, message(`1`, time.Time{}))
				r.Telemetry.Write(roost.LogLine{Ref: n1, Text: "x"})
			}
		})
	}
	all.Wait()
	kept := messages(t, r)
	known := map[int64]bool{}
	for _, m := range kept {
		known[m.ID] = true
	}
	if len(kept) != 160 || len(known) != 160 {
		t.Errorf("%d messages of %d ids", len(kept), len(known))
	}
}

// BenchmarkRecordMessage is what the disk takes of messages of 100 bytes: of 100 things,
// and of one whose old ones are deleted all the while.
func BenchmarkRecordMessage(b *testing.B) {
	for _, things := range []int{100, 1} {
		b.Run(fmt.Sprintf("things=%d", things), func(b *testing.B) {
			r := roomtest.Open(b, roomtest.Config{})
			m := message(`{"temperature":21.5,"humidity":48.2,"pressure":1013.25,"battery":3.71,"rssi":-67,"uptime":123456789}`, time.Time{})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				m.Thing = roost.ThingID(fmt.Sprint("n", n%things))
				n++
				for r.Telemetry.RecordMessage(b.Context(), m) != nil {
					time.Sleep(time.Millisecond)
				}
			}
			if err := r.Telemetry.Settle(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
