package sim_test

import (
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/sim"
)

var kept = sync.OnceValues(func() (sim.Runner, error) {
	return sim.MicroPython(1, slog.New(slog.DiscardHandler))("")
})

// newReal makes a device with a real MicroPython, or skips.
func newReal(t *testing.T, c *cloud) *sim.PythingsDevice {
	t.Helper()
	start := sim.MicroPython(1, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if start == nil {
		t.Skip("this build has no MicroPython in it")
	}
	if _, err := kept(); err != nil { // spares all tests but the first its compilation
		t.Fatal(err)
	}
	runner, err := start("T1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(runner.Close)
	c.set("management_interval", "1")
	c.set("worker_interval", "1")
	return c.device(func(p *sim.PythingsConfig) { p.Runner = runner })
}

func TestRealCodeRunsOnDevices(t *testing.T) {
	c := startCloud(t)
	c.files["worker_task.py"] = "class WorkerTask(object):\n    def __init__(self):\n        self.n = 0\n    def call(self):\n        self.n += 1\n        return {'n': self.n}\n"
	c.files["management_task.py"] = "class ManagementTask(object):\n    def call(self, data):\n        if data == 'boom':\n            raise ValueError('boom')\n        return data\n"
	d := newReal(t, c)
	steps(t, d, "bbBTT")
	c.wantLast(t, "/apps/worker/", `{"msg": {"n": 2}`)
	for message, want := range map[string]string{
		`,"msg":{"a":[1,"x"]},"mid":"m1","type":"APP"`:     `"msg": {"mid": "m1", "rep": {"a": [1, "x"]}}`,
		`,"msg":"print(1+1)","mid":"m2","type":"CMD"`:      `"msg": {"mid": "m2", "rep": "2\n"}`,
		`,"msg":"boom","mid":"m3"`:                         `"msg": "ValueError boom (Traceback (most recent call last):\n  File \"management_task.py\", line 4, in call\nValueError: boom\n)"`,
		`,"msg":"1/0","mid":"m4","type":"CMD"`:             `divide by zero\n"`,
		`,"msg":"print('\u00e8')","mid":"m5","type":"CMD"`: `"rep": "\u00e8\n"`,
	} {
		c.mu.Lock()
		c.message = message
		c.mu.Unlock()
		before := len(c.bodies("/things/report/"))
		steps(t, d, "T")
		if said := strings.Join(c.bodies("/things/report/")[before:], "\n"); !strings.Contains(said, want) {
			t.Errorf("%s: %s", message, said)
		}
	}
}

func TestRealCodeMayReboot(t *testing.T) {
	c := startCloud(t)
	c.files["worker_task.py"] = "class WorkerTask(object):\n    def call(self):\n        pass\n"
	c.files["management_task.py"] = "import hal\nclass ManagementTask(object):\n    def call(self, data):\n        if data == 'restart':\n            hal.reboot()\n"
	d := newReal(t, c)
	steps(t, d, "bbBT")
	for _, message := range []string{`,"msg":"import hal; hal.reboot()","mid":"lost","type":"CMD"`, `,"msg":"restart","mid":"lost"`} {
		c.mu.Lock()
		c.message = message
		c.mu.Unlock()
		steps(t, d, "tBT")
	}
	if said := strings.Join(c.bodies("/things/report/"), "\n"); strings.Contains(said, "lost") || strings.Contains(said, "KO") {
		t.Errorf("%s", said)
	}
}

func TestRealCodeThatCanNotBeImported(t *testing.T) {
	c := startCloud(t)
	c.files["worker_task.py"] = "class WorkerTask(object)\n"
	c.files["management_task.py"] = "class ManagementTask(object):\n    def call(self, data):\n        return 7\n"
	d := newReal(t, c)
	c.message = ""
	steps(t, d, "bbB")
	c.wantLast(t, "/things/report/", `"what": "worker", "status": "KO", "msg": "SyntaxError invalid syntax (Traceback`, "worker_task.py")
	c.message = `,"msg":"x","mid":"m1"`
	steps(t, d, "T")
	if said := strings.Join(c.bodies("/things/report/"), "\n"); !strings.Contains(said, `"rep": 7`) {
		t.Errorf("%s", said)
	}

	c.files["worker_task.py"], c.files["management_task.py"] = "class WorkerTask(object):\n    def call(self):\n        return 1\n", "x = 1\n"
	c.set("app_version", "1700000001")
	steps(t, d, "tbBT")
	if said := strings.Join(c.bodies("/things/report/"), "\n"); !strings.Contains(said, `"what": "management", "status": "KO"`) {
		t.Errorf("%s", said)
	}
	c.wantLast(t, "/apps/worker/", `{"msg": 1`)
}

func TestLargeFleetsAreScripted(t *testing.T) {
	if sim.MicroPython(sim.MaxMicroPython+1, slog.New(slog.DiscardHandler)) != nil {
		t.Error("each of a large fleet has an interpreter")
	}
}
