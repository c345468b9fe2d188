package web

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
)

const boardKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// newBoards plays the door of the runtime.
type newBoards struct{ h *house }

func (n newBoards) NewBoard(_ context.Context, p roost.ProjectID, b NewBoard) (MadeBoard, error) {
	if b.App != "" {
		if _, err := n.h.releases.App(p, b.App); err != nil {
			return MadeBoard{}, err
		}
	}
	return MadeBoard{ID: "board-" + fileName(b.Name), Key: boardKey, APPassword: "moss-2471-fern"}, nil
}

func (n newBoards) NewKey(_ context.Context, ref roost.Ref) (string, error) {
	if ref.Thing == "stranger" {
		return "", roost.Errorf(roost.Conflict, "No thing of the runtime.")
	}
	return boardKey, nil
}

// playedRuntime is one of few files.
type playedRuntime struct{}

func (playedRuntime) Version() string { return "1.0.0" }

func (playedRuntime) Files(_ context.Context, profile string, mpy int) (map[string][]byte, error) {
	files := map[string][]byte{"boot.py": []byte("# boot"), "main.py": []byte("import rt.main"), "_f/rt/main.py": []byte("# " + profile)}
	if profile == "python" {
		files["run.sh"] = []byte("#!/bin/sh\n")
	}
	if mpy == 6 {
		delete(files, "_f/rt/main.py")
		files["_f/rt/main.mpy"] = []byte("M\x06" + profile)
	}
	return files, nil
}

func (playedRuntime) ROM(context.Context) ([]byte, error) { return []byte("\xd2\xcd\x31\x00"), nil }

// uncompiled is a runtime in a program that cannot compile.
type uncompiled struct{ playedRuntime }

func (uncompiled) ROM(context.Context) ([]byte, error) { return nil, nil }

// goodNewBoardCalls knows how the operations for new boards are called well.
func goodNewBoardCalls(ada *browser) map[string]func() good {
	plain := func(path string, body any) func() good { return func() good { return good{path: path, body: body} } }
	const name = "ESP32_GENERIC.bin"
	shelved := func() {
		ada.want(201, "POST", "/firmware?name="+name, espImage(), "Content-Type", fileType)
	}
	return map[string]func() good{
		"add-board":         plain("/boards", map[string]any{"name": "North"}),
		"renew-key":         plain("/things/node1/key", nil),
		"pack-board":        plain("/boards/pack", map[string]any{"name": "Roof", "platform": "python"}),
		"get-runtime-files": plain("/runtime/files?profile=lean&mpy=6", nil),
		"list-firmware":     func() good { shelved(); return good{path: "/firmware"} },
		"add-firmware":      func() good { return good{path: "/firmware?name=" + name, body: espImage(), kind: fileType} },
		"get-firmware":      func() good { shelved(); return good{path: "/firmware/" + name} },
		"remove-firmware":   func() good { shelved(); return good{path: "/firmware/" + name} },
	}
}

func TestNewBoardGetsAKeyAndAnAddressThatBoardsReach(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app := ada.app("Greenhouse")
	made := ada.want(201, "POST", "/boards", map[string]any{"name": "North", "app": app, "pool": "staging"})
	if made["id"] != "board-North" || made["key"] != boardKey || made["apPassword"] != "moss-2471-fern" {
		t.Errorf("made: %v", made)
	}
	u, err := url.Parse(made["server"].(string))
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		t.Fatalf("server: %v", made["server"])
	}
	if len(ownAddresses()) > 0 && loopback(u.Hostname()) {
		t.Errorf("boards are sent to %s, which is themselves", u)
	}
	if all := listAt(made, "servers"); len(all) == 0 || all[0] != made["server"] {
		t.Errorf("servers: %v", all)
	}
	ada.want(404, "POST", "/boards", map[string]any{"app": "nothing"})
	ada.want(422, "POST", "/boards", map[string]any{"pool": "staging"})
	h.arrive("node1", true)
	if got := ada.want(200, "POST", "/things/node1/key", nil); got["key"] != boardKey {
		t.Errorf("key: %v", got)
	}
	h.wantAudit("board.add", "board.key")
	viewer := h.as(ada, "viewer")
	viewer.want(403, "POST", "/boards", map[string]any{})
	viewer.want(403, "POST", "/things/node1/key", nil)
	viewer.want(403, "POST", "/boards/pack", map[string]any{"name": "Roof", "platform": "python"})
}

func TestBoardsAreSentToThePublicAddress(t *testing.T) {
	ada := open(t, func(c *Config) { c.PublicURL = "https://roost.example.org" }).owner()
	if made := ada.want(201, "POST", "/boards", map[string]any{}); made["server"] != "https://roost.example.org" {
		t.Errorf("server: %v", made["server"])
	}
}

func TestRuntimeFilesComeWithTheirHashes(t *testing.T) {
	ada := open(t).owner()
	for query, want := range map[string]string{
		"": "_f/rt/main.py # full", "?profile=lean": "_f/rt/main.py # lean", "?profile=lean&mpy=6": "_f/rt/main.mpy M\x06lean", "?mpy=7": "_f/rt/main.py # full",
	} {
		got := ada.want(200, "GET", "/runtime/files"+query, nil)
		files := listAt(got, "files")
		if got["version"] != "1.0.0" || len(files) != 3 {
			t.Fatalf("%s: %v", query, got)
		}
		f := files[0].(map[string]any)
		data, err := base64.StdEncoding.DecodeString(f["data"].(string))
		if err != nil || fmt.Sprintf("%s %s", f["path"], data) != want || f["sha256"] != sumOf(data) {
			t.Errorf("%s: %v (%s), want %s", query, f, data, want)
		}
	}
	ada.want(422, "GET", "/runtime/files?profile=python", nil)
}

func TestRuntimeComesAsAnImage(t *testing.T) {
	ada := open(t).owner()
	got := ada.want(200, "GET", "/runtime/files?rom=true", nil)
	image := got["image"].(map[string]any)
	data, err := base64.StdEncoding.DecodeString(image["data"].(string))
	if err != nil || string(data) != "\xd2\xcd\x31\x00" || image["sha256"] != sumOf(data) {
		t.Errorf("%v, %v", image, err)
	}
	for _, f := range listAt(got, "files") {
		if path := f.(map[string]any)["path"].(string); path != "boot.py" && path != "main.py" {
			t.Errorf("%s is in the image and comes beside it", path)
		}
	}
	if files := listAt(got, "files"); len(files) != 2 {
		t.Errorf("files: %v", files)
	}
	if plain := ada.want(200, "GET", "/runtime/files", nil); plain["image"] != nil {
		t.Errorf("nobody asked for an image: %v", plain)
	}
	old := open(t, func(c *Config) { c.Runtime = uncompiled{} }).owner()
	old.want(404, "GET", "/runtime/files?rom=true", nil)
}

func TestPackHasAKeyAndWhatStartsIt(t *testing.T) {
	ada := open(t).owner()
	res, raw := ada.send("POST", "/boards/pack", map[string]any{"name": "Roof top", "platform": "python", "server": "http://192.0.2.1:8080/"})
	if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Content-Disposition"), "Roof-top.zip") {
		t.Fatalf("%d %v %s", res.StatusCode, res.Header, raw)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	wantModes := map[string]fs.FileMode{"Roof-top/run.sh": 0o755, "Roof-top/_s/key": 0o600, "Roof-top/_f/rt/main.py": 0o644}
	for name, mode := range wantModes {
		info, err := fs.Stat(z, name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for name, want := range map[string]map[string]string{
		"Roof-top/_s/key":        {"id": "board-Roof-top", "key": boardKey},
		"Roof-top/settings.json": {"server": "http://192.0.2.1:8080"},
	} {
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(f)
		var got map[string]string
		if err := json.Unmarshal(text, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %s, %v", name, text, err)
		}
	}
	if unit, err := fs.ReadFile(z, "Roof-top/roost-Roof-top.service"); err != nil || !strings.Contains(string(unit), "ExecStart=/opt/Roof-top/run.sh") {
		t.Errorf("the unit is %s, %v", unit, err)
	}
	ada.want(422, "POST", "/boards/pack", map[string]any{"name": "x", "platform": "python", "server": "roost.local"})
}

func TestServerWithoutRuntimeSaysSo(t *testing.T) {
	ada := open(t, func(c *Config) { c.NewBoards, c.Runtime, c.FirmwareDir = nil, nil, "" }).owner()
	ada.want(404, "POST", "/boards", map[string]any{})
	ada.want(404, "GET", "/runtime/files", nil)
	ada.want(404, "POST", "/boards/pack", map[string]any{"name": "x", "platform": "python"})
	ada.want(503, "GET", "/firmware", nil)
}
