package install

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func zipped(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("# " + name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZipsAreTakenWithAndWithoutTheirFolder(t *testing.T) {
	for _, names := range [][]string{{"boot.py", "hal.py", "files.txt"}, {"esp32/boot.py", "esp32/hal.py", "esp32/files.txt"}} {
		files, err := ReadZip(zipped(t, names...))
		if err != nil || !slices.Equal(files.Order(), []string{"hal.py", "boot.py"}) {
			t.Errorf("%v: %v, %v", names, files.Order(), err)
		}
	}
	files, err := ReadZip(zipped(t, "esp32/boot.py", "esp8266/boot.py"))
	if err != nil || len(files) != 2 {
		t.Errorf("two folders: %v, %v", files.Order(), err)
	}
	for _, bad := range [][]byte{[]byte("no zip"), zipped(t, "readme.txt"), zipped(t, "b\u00fcro.py")} {
		if files, err := ReadZip(bad); err == nil {
			t.Errorf("taken: %v", files.Order())
		}
	}
}

func TestFoldersAreTakenWithoutWhatIsHidden(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"main.py", "lib/x.py", ".git/config", "__pycache__/main.pyc", ".env"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := ReadFolder(dir)
	if err != nil || !slices.Equal(files.Order(), []string{"lib/x.py", "main.py"}) {
		t.Errorf("%v, %v", files.Order(), err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 61))
	if err := os.WriteFile(long, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFolder(dir); err == nil {
		t.Error("a name of 61 characters is taken")
	}
}

func TestBoardsAreKnownByTheirUSB(t *testing.T) {
	ports := []Port{named(Port{Name: "/dev/ttyS0"}), named(Port{Name: "/dev/ttyUSB0", Vendor: "10c4", Product: "ea60"})}
	if p, err := Choose("auto", ports); err != nil || p.Name != "/dev/ttyUSB0" || !strings.Contains(p.Chip, "CP2102") || !p.bridge() {
		t.Errorf("%+v, %v", p, err)
	}
	native := named(Port{Name: "/dev/ttyACM0", Vendor: "303A", Product: "1001"})
	if native.bridge() || !native.Native() {
		t.Errorf("%+v is taken for a bridge", native)
	}
	if _, err := Choose("auto", append(ports, native)); err == nil || !strings.Contains(err.Error(), "/dev/ttyACM0") {
		t.Errorf("of two, one is chosen: %v", err)
	}
	if p, err := Choose("/dev/serial/by-id/x", ports); err != nil || p.Name != "/dev/serial/by-id/x" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, none := range [][]Port{nil, ports[:1]} {
		if _, err := Choose("auto", none); err == nil {
			t.Errorf("of %v one is chosen", none)
		}
	}
}

func FuzzAnswerIn(f *testing.F) {
	f.Add("I (7) wifi\r\n\x02a\r\nb\x03\r\n")
	f.Fuzz(func(t *testing.T, out string) {
		lines, ok := answerIn(out)
		if ok && strings.ContainsAny(strings.Join(lines, ""), "\r\n\x03") {
			t.Errorf("%q gives %q", out, lines)
		}
		if again, is := answerIn("noise\x02" + strings.Join(lines, "\r\n") + "\x03noise"); ok && (!is || !slices.Equal(lines, again)) {
			t.Errorf("%q came back as %q", lines, again)
		}
	})
}

func FuzzReadZip(f *testing.F) {
	f.Add(zipped(f, "esp32/boot.py", "esp32/hal.py"))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := ReadZip(raw)
		if err != nil {
			return
		}
		for name := range files {
			if err := checkName(name); err != nil {
				t.Error(err)
			}
		}
	})
}
