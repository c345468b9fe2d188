package board_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
)

func TestFirstBootGivesEverythingMainLast(t *testing.T) {
	h, app := meterHouse(t, plan{})
	a := h.boot(nil)
	want := map[string]any{}
	for name, text := range meter {
		want[name] = text
	}
	if a["device_id"] != string(id) || a["update"] != true || !reflect.DeepEqual(a["files"], want) {
		t.Errorf("answer %v", a)
	}
	if order := fmt.Sprint(a["order"]); order != "[vl53l0x.py app.py main.py]" {
		t.Errorf("order %s", order)
	}
	if epoch, _ := a["epoch"].(float64); epoch < 1.7e9 {
		t.Errorf("epoch %v", a["epoch"])
	}
	th, _, ok := h.rooms.Registry.Get(ref)
	if !ok || th.Identity.Own != "28cdc1010203" || th.Identity.Door != "board" || th.Protocol != "board" || !th.Online {
		t.Errorf("thing %+v, %v", th, ok)
	}
	if sw, ok := h.releases.Software(ref); !ok || sw.App != app.ID || sw.Platform != "pico_w" || sw.Version != "0" {
		t.Errorf("software %+v, %v", sw, ok)
	}
}

func TestBootWithTheRightFilesGetsNone(t *testing.T) {
	h, app := meterHouse(t, plan{})
	a := h.boot(meter)
	if _, has := a["files"]; has || a["update"] != false || a["device_id"] != string(id) {
		t.Errorf("answer %v", a)
	}
	if sw, _ := h.releases.Software(ref); sw.Version != h.commits(app)[0].ID {
		t.Errorf("it runs %q", sw.Version)
	}
}

func TestOnlyWhatDiffersIsSent(t *testing.T) {
	h, app := meterHouse(t, plan{})
	first := h.commits(app)[0].ID
	h.boot(meter)
	h.put("boot/meter/app.py", "FIRMWARE = '2'\n")
	h.put("boot/meter/notes.txt", "no Python\n")
	next := map[string]string{"app.py": "FIRMWARE = '2'\n", "main.py": meter["main.py"], "vl53l0x.py": meter["vl53l0x.py"], "notes.txt": "no Python\n"}
	h.app("meter", next)
	a := h.boot(meter)
	if !reflect.DeepEqual(a["files"], map[string]any{"app.py": "FIRMWARE = '2'\n"}) {
		t.Errorf("files %v", a["files"])
	}
	if sw, _ := h.releases.Software(ref); sw.Version != first {
		t.Errorf("while it has the old files it runs %q, want %q", sw.Version, first)
	}
	have := map[string]string{"app.py": "FIRMWARE = '2'\n", "main.py": meter["main.py"], "vl53l0x.py": meter["vl53l0x.py"], "own.py": "x"}
	if a := h.boot(have); a["update"] != false {
		t.Errorf("a file that is no Python is missing for ever: %v", a)
	}
	all := h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", "hashes": hashes(have), "all": true})
	if !reflect.DeepEqual(all["files"], map[string]any{"notes.txt": "no Python\n"}) {
		t.Errorf("with all: %v", all)
	}
}

func TestDeviceIDStays(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.put("boot/lamp/app.py", "lamp")
	h.app("lamp", map[string]string{"app.py": "lamp"})
	h.boot(nil)
	for _, other := range []string{"28cdc1010203", "28-cd-c1-01-02-03", "28CD.C101.0203"} {
		a := h.ok("/iot/boot", object{"mac": other, "app_type": "meter", "hashes": object{}})
		if a["device_id"] != string(id) {
			t.Errorf("%s became %v", other, a["device_id"])
		}
	}
	a := h.ok("/iot/boot", object{"mac": mac, "app_type": "lamp", "hashes": object{}})
	if a["device_id"] != string(id) || !reflect.DeepEqual(a["files"], map[string]any{"app.py": "lamp"}) {
		t.Errorf("as another kind: %v", a)
	}
	if sw, _ := h.releases.Software(ref); sw.App == "" {
		t.Errorf("software %+v", sw)
	}
	h = h.again(plan{})
	if a := h.boot(nil); a["device_id"] != string(id) {
		t.Errorf("after a restart: %v", a)
	}
	if n := h.things(); n != 1 {
		t.Errorf("%d things", n)
	}
}

func TestHashesHaveOtherNamesToo(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	for _, name := range []string{"files", "md5", "hashes"} {
		if a := h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", name: hashes(meter)}); a["update"] != false {
			t.Errorf("%s: %v", name, a)
		}
	}
	upper := map[string]string{}
	for name, sum := range hashes(meter) {
		upper[name] = strings.ToUpper(sum)
	}
	if a := h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", "hashes": upper}); a["update"] != false {
		t.Errorf("upper case: %v", a)
	}
}

func TestBootsThatCannotBe(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	many := map[string]string{}
	for i := range 1001 {
		many[fmt.Sprintf("f%d.py", i)] = "x"
	}
	for _, c := range []struct {
		body   any
		status int
		says   string
	}{
		{`{`, 400, "not JSON"},
		{`[]`, 400, "not a JSON object"},
		{`"x"`, 400, "not a JSON object"},
		{object{"app_type": "meter", "hashes": object{}}, 400, "mac"},
		{object{"mac": "28:CD", "app_type": "meter", "hashes": object{}}, 400, "mac"},
		{object{"mac": 5, "app_type": "meter", "hashes": object{}}, 400, "mac"},
		{object{"mac": mac, "hashes": object{}}, 400, "app_type"},
		{object{"mac": mac, "app_type": "../x", "hashes": object{}}, 400, "app_type"},
		{object{"mac": mac, "app_type": "meter"}, 400, "hashes"},
		{object{"mac": mac, "app_type": "meter", "hashes": []string{"x"}}, 400, "hashes"},
		{object{"mac": mac, "app_type": "meter", "hashes": many}, 413, "hashes"},
		{object{"mac": mac, "app_type": "toaster", "hashes": object{}}, 404, "there are meter"},
		{`"` + strings.Repeat("x", 70_000) + `"`, 413, "at most"},
	} {
		status, a := h.post("/iot/boot", c.body)
		if said, _ := a["error"].(string); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%.80v: %d %v, want %d with %q", c.body, status, a, c.status, c.says)
		}
	}
	if _, a := h.post("/iot/boot", object{"mac": mac, "app_type": "toaster", "hashes": object{}}); fmt.Sprint(a["app_types"]) != "[meter]" {
		t.Errorf("known kinds: %v", a["app_types"])
	}
	if n := h.things(); n != 0 {
		t.Errorf("%d things came of what cannot be", n)
	}
	if status, a := h.post("/iot/nothing", object{}); status != http.StatusNotFound || a["error"] == "" {
		t.Errorf("no such call: %d %v", status, a)
	}
	r, err := http.Get(h.url + "/iot/boot")
	if err != nil || r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %v, %v", r, err)
	}
	_ = r.Body.Close()
}

func TestWaitingBoardIsToldItsID(t *testing.T) {
	h, _ := meterHouse(t, plan{enrolment: "approve"})
	for _, path := range []string{"/iot/boot", "/iot/boot", "/iot/register", "/iot/heartbeat"} {
		body := object{"mac": mac, "app_type": "meter", "hashes": object{}, "device_id": id, "telemetry": object{"x": 1}}
		status, a := h.post(path, body)
		if said, _ := a["error"].(string); status != http.StatusForbidden || a["device_id"] != string(id) || !strings.Contains(said, "approve") {
			t.Errorf("%s: %d %v", path, status, a)
		}
	}
	th, rs, _ := h.rooms.Registry.Get(ref)
	if _, known := h.releases.Software(ref); known || th.Enrolment != roost.Waiting || len(rs) != 0 {
		t.Errorf("kept of it: %+v %v", th, rs)
	}
	if all, err := h.rooms.Store.Boards(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("stored of it: %v, %v", all, err)
	}
	if _, err := h.rooms.Switchboard.Approve(t.Context(), ref, "ada"); err != nil {
		t.Fatal(err)
	}
	if a := h.boot(nil); a["update"] != true {
		t.Errorf("approved: %v", a)
	}
}

func TestAskingTooOften(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	for i := range 200 {
		status, a := h.post("/iot/boot", object{"mac": mac, "app_type": "meter", "hashes": object{}})
		if status == http.StatusTooManyRequests {
			if i < 60 {
				t.Errorf("refused after %d", i)
			}
			if a["error"] == "" {
				t.Error("no word why")
			}
			return
		}
	}
	t.Error("200 boots in a row passed")
}

// A board that has nothing yet gets all files; from then on it tells of what it has.
func TestFirstBootGivesFilesThatAreNoPython(t *testing.T) {
	h, _ := still(t, plan{})
	h.put("boot/meter/index.html", "<p>")
	h.look(0)
	h.look(whole)
	files, _ := h.boot(nil)["files"].(map[string]any)
	if len(files) != 4 || files["index.html"] != "<p>" {
		t.Errorf("files %v", files)
	}
	if a := h.boot(meter); a["update"] != false {
		t.Errorf("with its Python files: %v", a)
	}
	h.put("boot/lamp/notes.txt", "not a line of Python")
	h.look(0)
	h.look(whole)
	if a := h.ok("/iot/boot", object{"mac": "000000000001", "app_type": "lamp", "hashes": object{}}); a["update"] != false {
		t.Errorf("it would boot for ever: %v", a)
	}
}
