package main

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

func TestDashboardForgetsOldReadings(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	set, err := dashboardCmd{HTTP: "127.0.0.1:0", LogLevel: "info", MapTiles: off}.check()
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDashboard(t.Context(), set, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.discard()
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() { d.telemetry.Run(ctx) })
	defer writing.Wait()
	defer cancel()
	standing, err := d.switchboard.Arrive(t.Context(), gateway.Arrival{Identity: roost.Identity{Door: "pyaiot", Own: "n1"}, Gateway: "b"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, at := range []time.Time{now.Add(-2 * pageMemory), now.Add(-time.Minute)} {
		err := d.switchboard.Report(t.Context(), standing.Ref, []roost.Resource{
			{Name: "temperature", Value: `21.5`, At: at}, {Name: "text", Value: roost.Text(at.String()), At: at},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := d.telemetry.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	history := func(resource string) int {
		t.Helper()
		h, err := d.telemetry.History(t.Context(), standing.Ref, resource, now.Add(-4*pageMemory), now, 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(h.Numbers) + len(h.Texts)
	}
	if n, m := history("temperature"), history("text"); n != 2 || m != 2 {
		t.Fatalf("%d and %d readings before, want 2 and 2", n, m)
	}
	if err := d.forgetBefore(t.Context(), now.Add(-pageMemory)); err != nil {
		t.Fatal(err)
	}
	if n, m := history("temperature"), history("text"); n != 1 || m != 1 {
		t.Errorf("%d and %d readings after, want 1 and 1", n, m)
	}
}
