package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/micropython"
)

// ours gives the files that new apps and things without an app begin with.
func ours(t *testing.T) map[string]map[string]string {
	t.Helper()
	r := newRoom(t, nil)
	all := map[string]map[string]string{}
	for name, a := range map[string]roost.App{"first": r.app("Blink"), "idle": get(r.NoApp(t.Context(), roost.Home))(t)} {
		all[name] = contents(r, a, get(r.Commit(t.Context(), roost.Home, a.ID, ""))(t).ID)
	}
	return all
}

func TestOurFilesAreASCIIAndCompileOnMicroPython(t *testing.T) {
	for which, files := range ours(t) {
		for name, text := range files {
			if strings.ContainsFunc(text, func(c rune) bool { return c > '~' }) || !strings.HasSuffix(text, "\n") {
				t.Errorf("%s of %s is not plain text", name, which)
			}
		}
		if !micropython.Available() {
			continue
		}
		c, err := micropython.NewCompiler(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			line, _, fault, err := c.Check(t.Context(), name, []byte(text))
			if err != nil || fault != "" {
				t.Errorf("%s of %s, line %d: %s (%v)", name, which, line, fault, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

const tryTasks = `
from worker_task import WorkerTask
from management_task import ManagementTask
worker, management = WorkerTask(), ManagementTask()
values = [worker.call() for _ in range(200)]
print(management.call(None), management.call('x'), management.call({'a': 1}))
last = 21
for v in values:
    if v is not None:
        assert list(v) == ['temperature'] and abs(v['temperature'] - last) <= 1, values
        last = v['temperature']
print(len(set(str(v) for v in values)) > 1)
`

func TestOurFilesDoWhatTheySay(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to run them")
	}
	for which, want := range map[string]string{"first": "None Got \"x\" Got \"{'a': 1}\"\nTrue\n", "idle": "None None None\nFalse\n"} {
		dir := t.TempDir()
		for name, text := range ours(t)[which] {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run := exec.CommandContext(t.Context(), python, "-B", "-c", tryTasks)
		run.Dir = dir
		out, err := run.CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s says %q (%v), want %q", which, out, err, want)
		}
	}
}
