package release_test

import (
	"testing"

	"github.com/roost-iot/roost"
)

func TestAppWithoutTasksIsNotWarnedOf(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Window sill")
	for name, tc := range map[string]struct {
		files map[string]string
		warns bool
	}{
		"app.py alone":            {map[string]string{"app.py": "x = 1\n"}, false},
		"app.py and a task":       {map[string]string{"app.py": "x = 1\n", "worker_task.py": "class WorkerTask:\n    pass\n"}, true},
		"a name of MicroPython's": {map[string]string{"app.py": "x = 1\n", "json.py": "x = 1\n"}, true},
		"the platform's own":      {map[string]string{"app.py": "x = 1\n", "platform.py": "x = 1\n"}, false},
		"neither":                 {map[string]string{"helper.py": "x = 1\n"}, true},
	} {
		problems, err := r.Check(t.Context(), roost.Home, a.ID, tc.files)
		if err != nil || len(problems) > 0 != tc.warns {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
	}
}
