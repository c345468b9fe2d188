package desk

import (
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/apps"
)

func TestAppsAreFoundHealthyOrNot(t *testing.T) {
	need(t)
	worker := "class WorkerTask:\n    def call(self):\n        return {'t': 1}\n"
	for name, c := range map[string]struct {
		files map[string]string
		fault string // "" is healthy
	}{
		"reports":          {map[string]string{"app.py": blink}, ""},
		"tasks":            {map[string]string{"worker_task.py": worker, "management_task.py": "class ManagementTask:\n    def call(self, data):\n        return data\n"}, ""},
		"does not compile": {map[string]string{"app.py": "def f(:\n    pass\n"}, "app.py:1: "},
		"no module":        {map[string]string{"app.py": "import nowhere\n"}, "ImportError: no module named 'nowhere'"},
		"raises":           {map[string]string{"app.py": "import asyncio\nasync def run():\n    await asyncio.sleep(3)\n    1 // 0\n"}, "ZeroDivisionError"},
		"worker raises":    {map[string]string{"worker_task.py": strings.Replace(worker, "return", "raise ValueError('no sensor')\n        return", 1)}, "ValueError: no sensor"},
		"management":       {map[string]string{"management_task.py": "class ManagementTask:\n    def call(self, data):\n        return data['x']\n"}, "TypeError"},
		"stuck":            {map[string]string{"app.py": "async def run():\n    while True: pass\n"}, "The app is stuck"},
	} {
		t.Run(name, func(t *testing.T) {
			check := Check{Files: c.files}
			if name == "stuck" {
				check.Stuck = 2 * time.Second
			}
			v, err := Try(t.Context(), check)
			if err != nil {
				t.Fatal(err)
			}
			if v.Healthy != (c.fault == "") || !strings.Contains(v.Fault, c.fault) {
				t.Errorf("%+v", v)
			}
			if v.Healthy && v.Seconds < 10 {
				t.Errorf("ran %v s", v.Seconds)
			}
			if name == "tasks" && (!v.Worker || len(v.Messages) == 0 || v.Messages[0] != `{"t": 1}` && v.Messages[0] != `{"t":1}`) {
				t.Errorf("%+v", v)
			}
			if name == "reports" && v.Values["n"] == "" {
				t.Errorf("%+v", v)
			}
		})
	}
}

// The apps that Roost itself brings are healthy, and answer.
func TestTheAppsThatRoostBringsAreHealthy(t *testing.T) {
	need(t)
	for _, name := range apps.Names() {
		files, err := apps.Files(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Try(t.Context(), Check{Files: files})
		if err != nil || !v.Healthy {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

func TestWhatIsSentToAnAppIsAnswered(t *testing.T) {
	need(t)
	ask := roost.Value(`{"n":20}`)
	v, err := Try(t.Context(), Check{Files: map[string]string{"app.py": "import platform, asyncio\nplatform.on_message(lambda m: m['n'] + 1)\nasync def run():\n    while True: await asyncio.sleep(1)\n"}, Message: &ask})
	if err != nil || !v.Healthy || v.Answer != "21" {
		t.Errorf("%+v, %v", v, err)
	}
}

// What an app holds of an ESP8266's memory is told, also when there is not enough.
func TestMemoryOfAnESP8266IsTold(t *testing.T) {
	need(t)
	v, err := Try(t.Context(), Check{Files: map[string]string{"app.py": blink}, ESP8266: true})
	if err != nil || v.Healthy != (v.Held <= micropython.ESP8266Heap) || v.Held < 8<<10 || !strings.Contains(v.Room(), " of 38.0 kB") {
		t.Errorf("%+v, %v", v, err)
	}
	small := v.Held
	greedy := "import asyncio\nheld = bytearray(40000)\nasync def run():\n    while True: await asyncio.sleep(1)\n"
	v, err = Try(t.Context(), Check{Files: map[string]string{"app.py": greedy}, ESP8266: true})
	if err != nil || v.Healthy || v.Held < small+30_000 || !strings.HasPrefix(v.Fault, "It does not fit on an ESP8266: with the runtime it holds ") {
		t.Errorf("%+v, %v", v, err)
	}
	t.Logf("a small app holds %d bytes with the runtime", small)
}

// A board that stops is no app that is stuck: why it stopped is told, and at once.
func TestWhyABoardStoppedIsTold(t *testing.T) {
	need(t)
	deadly := "import asyncio, esp\nasync def run():\n    await asyncio.sleep(1)\n    esp.flash_erase(0)\n"
	v, err := Try(t.Context(), Check{Files: map[string]string{"app.py": deadly}, ESP8266: true})
	if err != nil || v.Healthy || !strings.Contains(v.Fault, "outside of the ROM partition") {
		t.Errorf("%+v, %v", v, err)
	}
}
