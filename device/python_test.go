package device_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
)

// coreScripts runs a script of testdata/core beside the runtime on MicroPython and
// on CPython; more lies beside it on the flash. It gives what each printed.
func coreScripts(t *testing.T, name string, more map[string]string, check func(t *testing.T, printed string)) {
	script, err := os.ReadFile("testdata/core/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("micropython", func(t *testing.T) { check(t, coreOnVM(t, string(script), more)) })
	t.Run("cpython", func(t *testing.T) { check(t, coreOnLinux(t, string(script), more)) })
}

func corePassed(t *testing.T, printed string) {
	t.Helper()
	if !strings.HasSuffix(printed, "passed\n") {
		t.Errorf("it printed\n%s", printed)
	}
}

func coreTree(t *testing.T, profile, script string, more map[string]string) map[string]string {
	t.Helper()
	files, err := device.Files(profile)
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "boot.py")
	files["main.py"] = script
	for n, text := range more {
		files[n] = text
	}
	return files
}

func coreOnVM(t *testing.T, script string, more map[string]string) string {
	t.Helper()
	needVM(t)
	files := map[string]string{}
	for n, text := range coreTree(t, "full", "import sys\nsys.path[:] = ['/_f', '.frozen', '/lib', '']\n"+script, more) {
		files["/"+n] = text
	}
	var out strings.Builder
	b, err := micropython.NewBoard(micropython.BoardConfig{
		Flash: micropython.NewFlash(files), Clock: micropython.NewClock(time.Unix(1_800_000_000, 0)),
		Print: func(text string) { out.WriteString(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Errorf("the board ended: %v", err)
	}
	return out.String()
}

func coreOnLinux(t *testing.T, script string, more map[string]string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	dir := coreFolder(t, coreTree(t, "python", script, more))
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	run := exec.CommandContext(ctx, python, filepath.Join(dir, "main.py"))
	run.Dir = dir
	run.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(dir, "_f"), "PYTHONDONTWRITEBYTECODE=1")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("python3: %v", err)
	}
	return string(out)
}

// coreFolder writes files into a new folder.
func coreFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for n, text := range files {
		name := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasSuffix(n, ".sh") {
			mode = 0o755
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCryptographyKeepsToItsVectors(t *testing.T) {
	coreScripts(t, "vectors.py", nil, corePassed)
}

func TestQueueLosesNothingUnsaid(t *testing.T) {
	coreScripts(t, "queue.py", nil, corePassed)
}

func TestSettingsAndLogSurvive(t *testing.T) {
	coreScripts(t, "keep.py", nil, corePassed)
}

func TestLineWaitsAndGoesOn(t *testing.T) {
	coreScripts(t, "life.py", nil, corePassed)
}
