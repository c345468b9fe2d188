package device_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The public example app of PythingsOS, unchanged.
func TestTasksOfPythingsOSRun(t *testing.T) {
	t.Parallel()
	b := onBoard(t, folder(t, "../sim/apps/luminosity"), map[string]any{"worker_interval": "1", "management_interval": "1"})
	if ok, _, _ := b.started(); !ok {
		t.Fatal("no app")
	}
	for range 2 { // once at the start, then at the interval
		b.until("@put ", with(`["msg", {"luminosity_au": 500}]`))
		b.until("@st ", with(`["worker", true, ""]`))
		b.until("@st ", with(`["management", true, ""]`))
	}
	b.wants("message", "red:1000,green:100,blue:500", `"Executed"`)
	b.wants("message", "green:on", `"Executed"`)
	if p := b.board.Pins(); p[15] != 1000 || p[12] != 1000 || p[13] != 500 {
		t.Errorf("pins %v", p)
	}
	b.wants("message", "purple:on", `"Command not valid"`)
	b.wants("message", "red:2000", `"Command argument not valid"`)
	if ok, answer := b.ask("message", "meminfo"); !ok || answer == "" {
		t.Errorf("meminfo: %v %v", ok, answer)
	}
}

// What PythingsOS had before 1.0, its modules, and a task that fails.
func TestOldTasksAndModules(t *testing.T) {
	onBoth(t, map[string]string{
		"worker_task.py": "import env, hal, logger, api\nclass worker_task:\n" +
			"  def __init__(self, chronos): self.n = 0\n" +
			"  def call(self, chronos):\n" +
			"    self.n += 1\n" +
			"    logger.info('call', self.n)\n" +
			"    api.report('worker', 'OK')\n" +
			"    if self.n == 2: return 1 // 0\n" +
			"    return {'n': self.n, 'same': chronos is env.chronos, 'epoch': chronos.epoch() >= 0, 'tid': len(hal.get_tid()), 'nan': float('nan'), 'odd': b'x'}\n",
		"management_task.py": "class ManagementTask:\n  def call(self, data): logger.warning('told', data)\n",
	}, map[string]any{"worker_interval": 1, "management_interval": 1}, func(t *testing.T, b *appBench) {
		b.started()
		msg := b.until("@put ", with(`"n": 1`))
		for _, want := range []string{`"same": true`, `"epoch": true`, `"tid": 12`, `"nan": null`, `"odd": "x"`} {
			if !strings.Contains(msg, want) {
				t.Errorf("%s is not in %s", want, msg)
			}
		}
		b.until("@st ", with("ZeroDivisionError"))
		b.until("@put ", with(`"n": 3`))
		b.until("", with("info call 3"))
		b.until("", with("warn told None"))
		if text, ok := b.get("_s/crash"); ok {
			t.Errorf("a task that fails once is no crash: %s", text)
		}
	})
}

func TestBothContractsInOneFolder(t *testing.T) {
	onBoth(t, folder(t, "testdata/apps/both"), map[string]any{"place": "roof"}, func(t *testing.T, b *appBench) {
		ok, info, _ := b.started()
		if !ok || info["meta"].(map[string]any)["firmware"] != "1.0.0" {
			t.Errorf("%v, tells %v", ok, info)
		}
		resources, _ := json.Marshal(info["resources"])
		for _, want := range []string{`{"name":"level","set":true}`, `{"name":"seen","set":false}`} {
			if !strings.Contains(string(resources), want) {
				t.Errorf("%s is not in %s", want, resources)
			}
		}
		b.until("@put ", with(`["msg", {`))
		beat := b.until("@put ", with(`["tele"`))
		if !strings.Contains(beat, `"level": 0`) || !strings.Contains(beat, `"seen": "yes"`) {
			t.Errorf("the heart beat %s", beat)
		}
		b.wants("message", map[string]any{"x": 1}, `{"asked":{"x":1},"call":2}`)
		b.until("", with("info asked"))
		if ok, answer := b.ask("message", "fail"); ok || !strings.Contains(answer.(string), "KeyError: ") {
			t.Errorf("a failing call: %v %v", ok, answer)
		}
		b.until("@st ", with("no such order"))
		b.wants("message", 5, `{"asked":5,"call":4}`)
		b.wants("set", map[string]any{"name": "level", "value": "17"}, "17")
		b.until("@put ", with(`["tele", {"level": 17}]`))
		for _, name := range []string{"seen", "nothing"} {
			if ok, answer := b.ask("set", map[string]any{"name": name, "value": 1}); ok {
				t.Errorf("%s was set: %v", name, answer)
			}
		}
	})
}

func TestAppWithoutAnyContractTakesNoMessages(t *testing.T) {
	onBoth(t, map[string]string{"app.py": "FIRMWARE = '1'\n"}, nil, func(t *testing.T, b *appBench) {
		if ok, _, _ := b.started(); !ok {
			t.Error("not loaded")
		}
		if ok, answer := b.ask("message", "x"); ok || !strings.Contains(answer.(string), "ManagementTask") {
			t.Errorf("%v %v", ok, answer)
		}
	})
}

func TestFullMemoryIsAFaultLikeAnyOther(t *testing.T) {
	t.Parallel()
	b := onBoard(t, map[string]string{
		"worker_task.py": "class WorkerTask:\n  n = 0\n  def call(self):\n    self.n += 1\n    if self.n == 1: return [bytearray(1 << 26) for _ in range(40)]\n    return self.n\n",
		"app.py":         "async def run(): x = [bytearray(1 << 26) for _ in range(40)]\n",
	}, map[string]any{"worker_interval": 1})
	b.started()
	b.until("@st ", with("MemoryError"))
	b.until("@put ", with(`["msg", 2]`))
	if text, _ := b.get("_s/crash"); !strings.Contains(string(text), "MemoryError") {
		t.Errorf("kept %s", text)
	}
	b.wants("shell", "1 + 1", `"2\n"`)
}

func TestOnMessageAnswers(t *testing.T) {
	onBoth(t, map[string]string{"app.py": `
import platform
@platform.on_message
async def message(data):
    if data == "raise": raise OSError(5)
    return ["got", data, platform.device_id]
`}, nil, func(t *testing.T, b *appBench) {
		b.started()
		b.wants("message", "hello", `["got","hello","bench-1"]`)
		if ok, answer := b.ask("message", "raise"); ok || !strings.Contains(answer.(string), "OSError") {
			t.Errorf("%v %v", ok, answer)
		}
	})
}

// run() that ends or raises starts again, and what raised is kept for Roost.
func TestRunThatFailsStartsAgain(t *testing.T) {
	onBoth(t, map[string]string{"app.py": `
import platform
tries = 0
async def run():
    global tries
    tries += 1
    platform.send(tries)
    if tries == 1: return
    raise ValueError("as expected")
`}, nil, func(t *testing.T, b *appBench) {
		b.started()
		b.until("@put ", with(`["msg", 1]`))
		b.until("", with("starts again in 5 s"))
		b.until("@put ", with(`["msg", 2]`))
		b.soon("the crash is kept", func() bool {
			text, _ := b.get("_s/crash")
			var crash struct{ Part, Ver, Text string }
			return json.Unmarshal(text, &crash) == nil && crash.Part == "app" && crash.Ver == "7" && strings.Contains(crash.Text, "ValueError: as expected")
		})
	})
}

func TestImportThatFailsIsACrash(t *testing.T) {
	onBoth(t, map[string]string{"app.py": "import nothing_like_this\n"}, nil, func(t *testing.T, b *appBench) {
		if ok, _, _ := b.started(); ok {
			t.Error("loaded")
		}
		text, _ := b.get("_s/crash")
		if !strings.Contains(string(text), "ImportError") && !strings.Contains(string(text), "ModuleNotFoundError") {
			t.Errorf("kept %s", text)
		}
		b.wants("shell", "1 + 1", `"2\n"`)
	})
}

// An app that ships the files of the existing board platform, its main.py and platform.py included.
func TestGlueOfBoardsWorks(t *testing.T) {
	t.Parallel()
	files := merged(folder(t, "../sim/apps/raingauge"), map[string]string{
		"platform.py": "raise ImportError('the old one')\n", "web_server.py": "1 // 0\n",
	})
	b := onBoard(t, files, nil)
	ok, info, _ := b.started()
	if meta := info["meta"].(map[string]any); !ok || meta["mm_per_tip"] != 0.2 || meta["device_type"] != "pico" {
		t.Errorf("%v %v", ok, info)
	}
	b.board.SetPin(15, 1)
	turn := 0
	b.soon("a tip is counted", func() bool {
		turn++
		b.board.SetPin(15, turn/8%2)
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.ContainsFunc(b.lines, with(`"rain_mm"`))
	})
}

func TestBuiltInPlatformIsThereToo(t *testing.T) {
	t.Parallel()
	b := onLinux(t, map[string]string{"app.py": "import platform\nfrom platform import system\nasync def run(): platform.send([system(), platform.python_implementation()])\n"}, nil)
	b.until("@put ", with(`["Linux", "CPython"]`))
	v := onBoard(t, map[string]string{"app.py": "import platform\nasync def run(): platform.send(platform.python_compiler() != '')\n"}, nil)
	v.until("@put ", with(`["msg", true]`))
}

func TestShellKeepsNamesAndCutsOutput(t *testing.T) {
	onBoth(t, map[string]string{"app.py": ""}, nil, func(t *testing.T, b *appBench) {
		b.started()
		b.wants("shell", "1 + 1", `"2\n"`)
		b.wants("shell", "x = 40\nfor i in range(2): x += 1", `""`)
		b.wants("shell", "x", `"42\n"`)
		b.wants("shell", "_ + 1", `"43\n"`)
		b.wants("shell", "print('a', x, sep='-'); print('b')", `"a-42\nb\n"`)
		b.wants("shell", "  'indented' ", `"'indented'\n"`)
		for line, want := range map[string]string{
			"1 // 0":                "ZeroDivisionError",
			"def":                   "SyntaxError",
			"raise SystemExit":      "SystemExit",
			"raise MemoryError":     "MemoryError",
			"nothing_like_this":     "NameError",
			"import nothing_like":   "Error: no module named",
			"'%s' % ('a' * 3000)":   "... and ",
			"print('b' * 5000)":     "... and ",
			"import sys; sys.path ": "",
		} {
			ok, answer := b.ask("shell", line)
			text, _ := answer.(string)
			if !ok || !strings.Contains(strings.ToLower(text), strings.ToLower(want)) || len(text) > 2048 {
				t.Errorf("%q: %v, %d bytes: %q", line, ok, len(text), text)
			}
		}
	})
}

func TestIdentifyIsBlue(t *testing.T) {
	t.Parallel()
	b := onBoard(t, folder(t, "testdata/apps/greenhouse"), nil)
	b.started()
	b.until("@put ", with(`"np_pin": 4`))
	identify := func() { b.wants("identify", nil, `"NeoPixels"`) }
	blue := []byte{0, 0, 255, 0, 0, 255, 0, 0, 255}
	b.shows("blue", identify, func() bool { return slices.Equal(b.board.Pixels(4), blue) })
	b.soon("dark", func() bool { return slices.Equal(b.board.Pixels(4), make([]byte, 9)) })
}

func TestIdentifyWithoutPixelsBlinksTheLED(t *testing.T) {
	t.Parallel()
	b := onBoard(t, map[string]string{"app.py": "", "/config.json": `{"led_pin": 2, "led_on": 0}`}, map[string]any{"bench_led": "off"})
	b.started()
	b.soon("dark", func() bool { p, ok := b.board.Pins()[2]; return ok && p == 1 })
	identify := func() { b.wants("identify", nil, `"LED"`) }
	for _, level := range []int{0, 1, 0} {
		b.shows("it blinks", identify, func() bool { return b.board.Pins()[2] == level })
	}
	b.soon("and is as before", func() bool { return b.board.Pins()[2] == 1 })
}

func TestFactoryResetForgetsWhatMadeTheBoard(t *testing.T) {
	gone := map[string]string{"/wifi.json": "[]", "/device_id.json": `{"device_id":"greenhouse-1"}`, "/config.json": "{}", "/version.json": "{}"}
	onBoth(t, merged(gone, map[string]string{"app.py": "", "/_s/key": "{}"}), nil, func(t *testing.T, b *appBench) {
		b.started()
		if ok, _ := b.ask("factory-reset", nil); !ok {
			t.Error("refused")
		}
		if _, _, why := b.started(); why != "factory-reset" {
			t.Errorf("booted for %q", why)
		}
		for name := range gone {
			if _, ok := b.get(name[1:]); ok {
				t.Errorf("%s is still there", name)
			}
		}
		if _, ok := b.get("_s/key"); !ok {
			t.Error("the key is gone")
		}
	})
}
