//go:build vm

package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The generator's devices run each commit, on the real program.
func TestBenchOfAppsSeesEveryCommitArrive(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open")
	var results []struct {
		Count uint64
		P50   float64 `json:"p50_ms"`
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute) // MicroPython starts slowly under the race detector
	defer stop()
	out, err := exec.CommandContext(ctx, binary, "bench", "apps", "--target", s.http, "--token", s.token, "--things", "2", "--json").CombinedOutput()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(results) != 1 || results[0].Count != 2*5 || results[0].P50 <= 0 {
		t.Errorf("of two devices and five commits: %+v", results)
	}
	s.endsWell()
}

// The generator's boards sync, and the server has every reading.
func TestBenchOfBoardsLosesNothing(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open")
	var results []struct {
		Count, Lost uint64
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, binary, "bench", "boards", "--target", s.http, "--token", s.token, "--things", "20", "--json").CombinedOutput()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(results) != 1 || results[0].Count < 20 || results[0].Lost != 0 {
		t.Errorf("of twenty boards: %+v", results)
	}
	s.endsWell()
}
