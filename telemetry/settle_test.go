package telemetry_test

import (
	"context"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/telemetry"
)

func TestSettleReturnsWhenAllIsWritten(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{Telemetry: telemetry.Config{BatchEvery: time.Hour}}) // nothing is written by itself
	if err := r.Store.SaveThing(t.Context(), roost.Thing{Ref: n1, Identity: roost.Identity{Door: "coap", Own: "n1"}, Enrolment: roost.Enrolled}); err != nil {
		t.Fatal(err)
	}
	if err := r.Telemetry.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now().Add(-time.Hour)
	for i := range 20 {
		record(t, r, value("t", "1", start.Add(time.Duration(i)*time.Minute)))
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		if err := r.Telemetry.Settle(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		if h := history(t, r, "t"); len(h.Numbers) != i+1 {
			t.Fatalf("%d points after %d were settled", len(h.Numbers), i+1)
		}
	}
}
