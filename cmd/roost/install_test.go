package main

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roost-iot/roost/install"
)

func installing(t *testing.T, typed string, args ...string) (out string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), append([]string{"install"}, args...), console{out: &o, err: &e, in: strings.NewReader(typed)})
	return o.String() + e.String(), status
}

func TestInstallSaysWhatDoesNotGoTogether(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "say what to do"},
		{[]string{"--list", "--console"}, "--list does nothing else"},
		{[]string{"--console", "--files", dir}, "--console does nothing else"},
		{[]string{"--files", dir, "--pythingsos", "v1.1.0"}, "one at a time"},
		{[]string{"--configure", "--platform", "esp32"}, "--platform"},
		{[]string{"--configure", "--erase"}, "belong to --flash"},
		{[]string{"--runtime", "--files", dir}, "one at a time"},
		{[]string{"--runtime", "--aid", "x"}, "are for PythingsOS"},
		{[]string{"--runtime", "--id", "x"}, "belong to --offline"},
		{[]string{"--runtime", "--offline", "--name", "x"}, "are given in Roost"},
		{[]string{"--runtime", "--offline", "--id", "x"}, "both, or neither"},
		{[]string{"--runtime", "--pool", "x"}, "say which --app"},
		{[]string{"--configure", "--new"}, "belong to --runtime"},
		{[]string{"--files", dir, "--name", "x"}, "with --runtime or --configure"},
		{[]string{"--configure", "--drive", dir}, "belongs to --uf2"},
		{[]string{"--runtime", "--offline", "--wifi", "Home"}, "8 to 63"},
		{[]string{"--loglevel", "info"}, "loglevel is"},
		{[]string{"--backend", "http://192.0.2.7"}, "without http://"},
		{[]string{"--unset", "colour"}, `no setting "colour"`},
		{[]string{"--unset", "pool", "--pool", "staging"}, "it is set, too"},
		{[]string{"--wifi", "Home"}, "8 to 63"}, // the password typed is short
		{[]string{"--configure", "--port", dir + "/none"}, "roost install --list"},
	} {
		if out, status := installing(t, "short\n", c.args...); status == 0 || !strings.Contains(out, c.says) {
			t.Errorf("%v: status %d, %s", c.args, status, out)
		}
	}
}

func TestInstallListsPorts(t *testing.T) {
	if out, status := installing(t, "", "--list", "--json"); status != 0 || !strings.Contains(out, `"ports"`) {
		t.Errorf("status %d, %s", status, out)
	}
}

func TestPythingsOSComesFromTheShelf(t *testing.T) {
	pack := func(names ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			if _, err := z.Create(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	shelf := map[string][]byte{
		"/api/v2/shelf/v1.1.0/esp32.zip": pack("boot.py", "hal.py", "version.py", "files.txt"),
		"/api/v2/shelf/v1.2.0/esp32.zip": pack("version.py"),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if raw, there := shelf[r.URL.Path]; there && r.Header.Get("Authorization") == "Bearer rst_x" {
			_, _ = w.Write(raw)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"detail":"Not on the shelf."}`))
	}))
	defer server.Close()
	i := installCmd{PythingsOS: "v1.1.0", Server: server.URL, Token: "rst_x"}
	files, err := i.files(t.Context(), install.About{Platform: "esp32"})
	if err != nil || len(files) != 3 {
		t.Errorf("%v, %v", files.Order(), err)
	}
	i.PythingsOS = "v1.2.0"
	if _, err := i.files(t.Context(), install.About{Platform: "esp32"}); err == nil || !strings.Contains(err.Error(), "updates only") {
		t.Errorf("err = %v", err)
	}
	i.Platform = "esp99"
	if _, err := i.files(t.Context(), install.About{Platform: "esp32"}); err == nil || !strings.Contains(err.Error(), "Not on the shelf.") {
		t.Errorf("err = %v", err)
	}
}
