package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/telemetry"
)

// A thing that resets and names other resources each time must not fill the disk,
// nor keep others' readings, or its own old ones, from being written.
func TestOneThingHasABoundOfSeries(t *testing.T) {
	r := rooms(t, t.TempDir())
	n2 := roost.Ref{Project: roost.Home, Thing: "n2"}
	if err := r.Store.SaveThing(t.Context(), roost.Thing{Ref: n2, Identity: roost.Identity{Door: "coap", Own: "n2"}, Enrolment: roost.Enrolled}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	var logged bytes.Buffer
	bounded := func(first int) telemetry.Stats { // anew each time, as after a restart
		room := telemetry.New(r.Store, r.Numbers, telemetry.Config{Commit: true, MaxSeries: 3}, slog.New(slog.NewTextHandler(&logged, nil)))
		ctx, stop := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { room.Run(ctx) })
		for i := range 5 {
			at := start.Add(time.Duration(first+i) * time.Second)
			values := []roost.Resource{value("r"+strconv.Itoa(first+i), `1`, at), value("r0", `1`, at)}
			for _, ref := range []roost.Ref{n1, n2} {
				if err := room.Record(t.Context(), ref, values); err != nil {
					t.Error(err)
				}
			}
		}
		stop()
		run.Wait()
		return room.Stats()
	}
	if s := bounded(0); s.Dropped != 4 || s.Recorded != 16 {
		t.Errorf("of 20 readings: %+v", s)
	}
	if said := strings.Count(logged.String(), "readings dropped"); said != 2 {
		t.Errorf("the log says it %d times:\n%s", said, &logged)
	}
	if s := bounded(5); s.Dropped != 10 || s.Recorded != 10 {
		t.Errorf("after a restart, of 20 readings: %+v", s)
	}
	for _, ref := range []roost.Ref{n1, n2} {
		if ids, err := r.Store.SeriesOf(t.Context(), ref); err != nil || len(ids) != 3 {
			t.Errorf("%s has %d series, %v", ref, len(ids), err)
		}
	}
	kept := 0
	for _, b := range history(t, r, "r0").Numbers {
		kept += b.Count
	}
	if kept != 10 {
		t.Errorf("an old resource has %d readings", kept)
	}
}
