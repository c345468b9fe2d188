package main

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/store/sqlite"
)

func TestStartsOfAThingAreListed(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	s := serve(t, data)
	says := func(want int, text string, args ...string) string {
		t.Helper()
		status, out, errs := cli(t, append(args, "--data", data)...)
		if status != want || !strings.Contains(out+errs, text) {
			t.Fatalf("%v: %d %s%s", args, status, out, errs)
		}
		return out
	}
	packed := says(0, "Unpack it there", "thing", "pack", "--name", "Roof", "--backend", "127.0.0.1:1", "-o", filepath.Join(dir, "roof.zip"))
	id := regexp.MustCompile(`thing (\S+),`).FindStringSubmatch(packed)[1]
	says(0, "None yet", "thing", "starts", id)
	says(1, "nobody", "thing", "starts", "nobody")

	s.stop()
	keepBoots(t, data, roost.ThingID(id))
	serve(t, data)
	out := says(0, "STARTED", "thing", "starts", id)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 {
		t.Fatalf("listed as\n%s", out)
	}
	for i, want := range []string{`ago +watchdog +1h0m0s +1\.1\.0 +v7$`, `ago +planned: update +not known +1\.1\.0 +none$`} {
		if !regexp.MustCompile(want).MatchString(strings.TrimRight(lines[i+1], " ")) {
			t.Errorf("line %d: %q, want %s", i+1, lines[i+1], want)
		}
	}
	says(0, `"resetCause": "watchdog"`, "thing", "starts", id, "--json")
}

// keepBoots gives a thing two starts while no Roost runs.
func keepBoots(t *testing.T, data string, id roost.ThingID) {
	t.Helper()
	ctx := context.Background()
	store, err := sqlite.Open(ctx, data, sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ref := roost.Ref{Project: roost.Home, Thing: id}
	began := time.Now().Add(-2 * time.Hour)
	for _, b := range []roost.Boot{
		{Ref: ref, Name: "00000001", At: began, Reset: "planned", Why: "update", OS: "1.1.0", App: "0"},
		{Ref: ref, Name: "00000002", At: began.Add(time.Hour), Reset: "watchdog", OS: "1.1.0", App: "v7", Before: time.Hour},
	} {
		if err := store.SaveBoot(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
}
