package release_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

func FuzzReadZip(f *testing.F) {
	f.Add(pack(f, files("x")))
	f.Add(pack(f, map[string]string{"a/b.py": "x", "a/.git/c": "", "a/__pycache__/d": ""}))
	f.Add(pack(f, map[string]string{"../x.py": "", "/y.py": ""}))
	f.Add(pack(f, map[string]string{"x.py": strings.Repeat("\x00", 1<<20)}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := release.ReadZip(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if k := roost.KindOf(err); k != roost.Invalid && k != roost.TooLarge {
				t.Errorf("error %v of kind %d", err, k)
			}
			return
		}
		total := 0
		for name, text := range got {
			total += len(text)
			if release.CheckFileName(name) != nil || !utf8.ValidString(text) {
				t.Errorf("file %q of %d bytes came through", name, len(text))
			}
		}
		if len(got) == 0 || len(got) > 200 || total > 1<<20 {
			t.Errorf("%d files, %d bytes", len(got), total)
		}
		again, err := release.ReadZip(bytes.NewReader(pack(t, got)), int64(len(pack(t, got))))
		if err != nil || len(again) != len(got) {
			t.Errorf("packed again: %d files of %d, %v", len(again), len(got), err)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "worker_task.py", "a/b", "..", "a..b", "latest", "1700000000", "v1.0", "boot.py", "é", "a\x00b", "-x", "x\n", "factory"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		plain := func(what string, err error) {
			t.Helper()
			if err == nil && (s != path.Base(s) || s == "." || strings.ContainsAny(s, " /\\\x00\"'<>&\n") || len(s) > 64 || !utf8.ValidString(s)) {
				t.Errorf("%q may be the name of a %s", s, what)
			}
			if err != nil && (roost.KindOf(err) != roost.Invalid || !utf8.ValidString(roost.Message(err))) {
				t.Errorf("%q: %v", s, err)
			}
		}
		plain("file", release.CheckFileName(s))
		plain("pool", release.CheckPoolName(s))
		plain("tag", release.CheckTagName(s))
		plain("version", release.CheckVersion(s))
		if release.CheckTagName(s) == nil && strings.Trim(s, "0123456789") == "" {
			t.Errorf("tag %q looks like a commit", s)
		}
		if err := release.CheckAppName(s); err == nil && (strings.TrimSpace(s) != s || s == "" || strings.ContainsAny(s, "\x00\n\t\x1b")) {
			t.Errorf("%q may be the name of an app", s)
		}
	})
}

func FuzzOSFiles(f *testing.F) {
	for _, s := range []string{"file:17:version.py", "file:1:a.py\r\nfile:2:version.py\nfile:3:b.py", "file:-1:version.py", "file:1:../version.py", "file::version.py", "x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := release.ParseOSFiles(b)
		if err != nil {
			if _, ok := errors.AsType[*roost.Error](err); !ok {
				t.Errorf("error %v says nothing to people", err)
			}
			return
		}
		if len(got) == 0 || got[len(got)-1].Name != "version.py" {
			t.Errorf("version.py is not the last of %v", got)
		}
		for _, file := range got {
			if file.Size < 0 || file.Name != path.Base(file.Name) || file.Name[0] == '.' {
				t.Errorf("file %+v", file)
			}
		}
	})
}

// A zip may claim whatever it likes of its sizes.
func TestZipThatLiesAboutItsSizes(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "x.py", Method: zip.Store, CompressedSize64: 3, UncompressedSize64: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := release.ReadZip(bytes.NewReader(b.Bytes()), int64(b.Len())); roost.KindOf(err) != roost.Invalid {
		t.Errorf("error %v", err)
	}
}
