package board_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// fetch asks for a file as a board does, from a byte on.
func (h *house) fetch(url, from string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, h.url+url, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if from != "" {
		r.Header.Set("Range", "bytes="+from+"-")
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.StatusCode, string(b)
}

func TestFilesAreFetchedOneByOne(t *testing.T) {
	h, app := settledHouse(t)
	h.fix(map[string]string{"main.py": "fixed"})
	a := h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", "hashes": object{}, "stream": true})
	want := with(map[string]string{"main.py": "fixed"})
	urls := map[string]string{}
	for _, f := range a["files"].([]any) {
		f := f.(map[string]any)
		name, url := f["name"].(string), f["url"].(string)
		urls[name] = url
		if f["md5"] != hash(want[name]) || f["size"] != float64(len(want[name])) || len(f["sha256"].(string)) != 64 {
			t.Errorf("file %v", f)
		}
		if status, text := h.fetch(url, ""); status != http.StatusOK || text != want[name] {
			t.Errorf("%s: %d %q", url, status, text)
		}
		if status, text := h.fetch(url, "3"); status != http.StatusPartialContent || text != want[name][3:] {
			t.Errorf("%s from its 4th byte: %d %q", url, status, text)
		}
	}
	if len(urls) != 3 {
		t.Errorf("files %v", a)
	}
	h.edit(app, with(map[string]string{"app.py": "newer"})) // while the board fetches
	if status, text := h.fetch(urls["app.py"], ""); status != http.StatusOK || text != meter["app.py"] {
		t.Errorf("after a commit: %d %q", status, text)
	}
	long := strings.Replace(urls["app.py"], "/app.py", "00/app.py", 1)
	for _, url := range []string{long, "/iot/files/", "/iot/files/x/y/z", "/iot/files/nobody" + urls["app.py"][len("/iot/files/")+len(id):], urls["app.py"][:len(urls["app.py"])-6] + "main.py"} {
		if status, text := h.fetch(url, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d %q", url, status, text)
		}
	}
}

// A small board asks for each of the most files that an app has, some of them in pieces.
func TestManyFilesAreFetchedInARow(t *testing.T) {
	h := build(t, plan{blind: true})
	for i := range 200 {
		h.put(fmt.Sprintf("boot/meter/f%03d.py", i), "x = 1\n")
	}
	h.look(0)
	h.look(whole)
	a := h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", "hashes": object{}, "stream": true})
	files := a["files"].([]any)
	for i, f := range files {
		if status, text := h.fetch(f.(map[string]any)["url"].(string), ""); status != http.StatusOK || text != "x = 1\n" {
			t.Fatalf("file %d of %d: %d %q", i, len(files), status, text)
		}
	}
	if len(files) != 200 {
		t.Errorf("%d files", len(files))
	}
}
