package release_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// pack makes a zip.
func pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (r *room) add(version string, files map[string]string) (release.OSRelease, error) {
	r.t.Helper()
	b := pack(r.t, files)
	return r.AddRelease(r.t.Context(), bytes.NewReader(b), int64(len(b)), version)
}

// python gives the files of a platform below a folder.
func python(under, version string) map[string]string {
	return map[string]string{
		under + "api.py": "# api of " + version, under + "boot.py": "boot", under + "hal.py": "hal", under + "crypto_aes.py": "a & b",
		under + "version.py": "version='" + version + "'\n", under + "__pycache__/x.pyc": "\x00",
	}
}

// Compatibility case S10.
func TestReleaseIsListedWithItsVersionLast(t *testing.T) {
	r := newRoom(t, nil)
	for name, c := range map[string]struct{ version, under, want string }{
		"version and platform": {"", "v1.0.0/Python/", "v1.0.0"},
		"wrapped":              {"v1.0.1", "PythingsOS-1.0.1/dist/v1.0.1/Python/", "v1.0.1"},
		"platform":             {"v1.0.2", "Python/", "v1.0.2"},
		"version from file":    {"", "Python/", "v1.0.3"},
		"flat":                 {"v1.0.4/Python", "", "v1.0.4"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := r.add(c.version, python(c.under, c.want))
			if err != nil || o.Version != c.want || len(o.Platforms) != 1 || o.Platforms[0].Name != "Python" || o.Added.IsZero() {
				t.Fatalf("added %+v (%v)", o, err)
			}
			files := get(r.OSFiles(c.want, "Python"))(t)
			var names []string
			for _, f := range files {
				content := get(r.OSFile(c.want, "Python", f.Name))(t)
				if int64(len(content)) != f.Size {
					t.Errorf("%s has %d bytes, listed with %d", f.Name, len(content), f.Size)
				}
				names = append(names, f.Name)
			}
			if got := strings.Join(names, " "); got != "api.py crypto_aes.py files.txt version.py" {
				t.Errorf("files %s", got)
			}
			kind(t, second(r.OSFile(c.want, "Python", "hal.py")), roost.NotFound)
		})
	}
	if all := r.Shelf(); len(all) != 5 || all[0].Version != "v1.0.0" || all[0].Platforms[0].Files != 4 {
		t.Errorf("shelf %+v", all)
	}
	var b bytes.Buffer
	r.must(r.ZipPlatform("v1.0.0", "Python", &b))
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || len(z.File) != 6 {
		t.Errorf("download: %v", err)
	}
}

func TestListOfAReleaseIsKept(t *testing.T) {
	r := newRoom(t, nil)
	files := python("v1/Python/", "v1")
	files["v1/Python/files.txt"] = "file:17:version.py\nfile:999:files.txt\r\nfile:11:api.py\n\n"
	files["v1/Python/version.py"] = "version = \"v1\"  #"
	get(r.add("", files))(t)
	got := get(r.OSFiles("v1", "Python"))(t)
	if len(got) != 3 || got[0].Name != "files.txt" || got[1].Name != "api.py" || got[2].Name != "version.py" {
		t.Errorf("files %+v", got)
	}
	if size := int64(len(files["v1/Python/files.txt"])); got[0].Size != size {
		t.Errorf("the list has %d bytes, says %d", size, got[0].Size)
	}
}

// Compatibility case S13, and others that would harm devices.
func TestReleaseThatWouldHarmDevicesIsRefused(t *testing.T) {
	r := newRoom(t, nil)
	base := func(change func(f map[string]string)) map[string]string {
		f := python("v1/Python/", "v1")
		change(f)
		return f
	}
	for name, c := range map[string]struct {
		version string
		files   map[string]string
	}{
		"another version inside": {"", base(func(f map[string]string) { f["v1/Python/version.py"] = "version='v2'" })},
		"another version told":   {"v2", base(func(map[string]string) {})},
		"another at a platform":  {"v3", map[string]string{"Python/version.py": "version='v1'", "Python/a.py": ""}},
		"no version.py":          {"", base(func(f map[string]string) { delete(f, "v1/Python/version.py") })},
		"one platform without":   {"", base(func(f map[string]string) { f["v1/esp32/a.py"] = "" })},
		"a version that says no": {"", base(func(f map[string]string) { f["v1/Python/version.py"] = "v = 1" })},
		"sizes that lie":         {"", base(func(f map[string]string) { f["v1/Python/files.txt"] = "file:3:api.py\nfile:13:version.py\n" })},
		"a file that is missing": {"", base(func(f map[string]string) { f["v1/Python/files.txt"] = "file:3:b.py\nfile:13:version.py\n" })},
		"a list without version": {"", base(func(f map[string]string) { f["v1/Python/files.txt"] = "file:11:api.py\n" })},
		"a list of something":    {"", base(func(f map[string]string) { f["v1/Python/files.txt"] = "api.py\n" })},
		"a list with a path":     {"", base(func(f map[string]string) { f["v1/Python/files.txt"] = "file:1:../x\nfile:13:version.py\n" })},
		"two versions":           {"", base(func(f map[string]string) { f["v2/Python/version.py"] = "version='v2'" })},
		"different depths":       {"", base(func(f map[string]string) { f["esp32/version.py"] = "version='v1'" })},
		"a path out":             {"", base(func(f map[string]string) { f["../../x.py"] = "" })},
		"an absolute path":       {"", base(func(f map[string]string) { f["/etc/x.py"] = "" })},
		"a backslash":            {"", base(func(f map[string]string) { f[`v1/Python/a\x.py`] = "" })},
		"called factory":         {"", python("factory/Python/", "factory")},
		"flat without platform":  {"v1", python("", "v1")},
		"flat, platform a path":  {"v1/../x", python("", "v1")},
		"nothing":                {"v1", map[string]string{"README.md": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.add(c.version, c.files)
			kind(t, err, roost.Invalid)
			if all := r.Shelf(); len(all) > 0 {
				t.Errorf("shelf has %+v", all)
			}
			if left, err := os.ReadDir(r.shelf); err != nil || len(left) > 0 {
				t.Errorf("the folder has %v (%v)", left, err)
			}
			if out, _ := filepath.Glob(filepath.Join(filepath.Dir(r.shelf), "x.py")); len(out) > 0 {
				t.Errorf("written outside: %v", out)
			}
		})
	}
}

// Compatibility case S09.
func TestNoPathLeadsOutOfTheShelf(t *testing.T) {
	r := newRoom(t, nil)
	get(r.add("", python("v1/Python/", "v1")))(t)
	secret := filepath.Join(filepath.Dir(r.shelf), "secret.txt")
	r.must(os.WriteFile(secret, []byte("secret"), 0o600))
	r.must(os.Symlink(secret, filepath.Join(r.shelf, "v1", "Python", "link.py")))
	for _, c := range [][3]string{
		{"v1", "Python", "../../../secret.txt"},
		{"..", "x", "secret.txt"},
		{"v1", "..", "version.py"},
		{"v1", "/etc", "passwd"},
		{"", "", ""},
		{"v1", "Python", "link.py"},
		{"v1", "Python", "/etc/passwd"},
		{"v1/Python", ".", "version.py"},
		{".", "v1", "version.py"},
		{"v1", "Python\x00", "version.py"},
	} {
		if b, err := r.OSFile(c[0], c[1], c[2]); roost.KindOf(err) != roost.NotFound || b != nil {
			t.Errorf("%q gave %q, %v", c, b, err)
		}
		if c[2] != "link.py" && !strings.Contains(c[2], "/") {
			kind(t, second(r.OSFiles(c[0], c[1])), roost.NotFound)
		}
	}
}

func TestReleasesNeverChangeAndGrowByPlatforms(t *testing.T) {
	r := newRoom(t, nil)
	get(r.add("", python("v1/Python/", "v1")))(t)
	_, err := r.add("", python("v1/Python/", "v1"))
	kind(t, err, roost.Conflict)
	o := get(r.add("", python("v1/esp32/", "v1")))(t)
	if len(o.Platforms) != 2 {
		t.Errorf("release %+v", o)
	}
	r.must(os.Mkdir(filepath.Join(r.shelf, ".adding-killed"), 0o700))
	r.reopen()
	if left, _ := filepath.Glob(filepath.Join(r.shelf, ".adding-*")); len(left) > 0 {
		t.Errorf("left of an addition that was cut off: %v", left)
	}
}

func TestFolderGoesOnTheShelf(t *testing.T) {
	for name, under := range map[string]string{"of versions": "v1.2/esp32", "of platforms": "esp32", "of files": ""} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, nil)
			top := filepath.Join(t.TempDir(), map[string]string{"of versions": "dist", "of platforms": "v1.2", "of files": "esp32"}[name])
			dir := filepath.Join(top, filepath.FromSlash(under))
			r.must(os.MkdirAll(dir, 0o700))
			for file, text := range python("", "v1.2") {
				if !strings.Contains(file, "/") {
					r.must(os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
				}
			}
			o, err := r.AddFolder(t.Context(), top)
			if err != nil || o.Version != "v1.2" || len(o.Platforms) != 1 || o.Platforms[0].Name != "esp32" {
				t.Errorf("added %+v (%v)", o, err)
			}
		})
	}
	r := newRoom(t, nil)
	kind(t, second(r.AddFolder(t.Context(), filepath.Join(t.TempDir(), "nope"))), roost.NotFound)
	misnamed := filepath.Join(t.TempDir(), "v1.1")
	r.must(os.MkdirAll(filepath.Join(misnamed, "esp32"), 0o700))
	r.must(os.WriteFile(filepath.Join(misnamed, "esp32", "version.py"), []byte("version='v1.2'"), 0o600))
	kind(t, second(r.AddFolder(t.Context(), misnamed)), roost.Invalid)
}

// What an operator puts there by hand is looked at too.
func TestFolderPutThereByHandIsOfferedWhenItIsSound(t *testing.T) {
	r := newRoom(t, nil)
	dir := filepath.Join(r.shelf, "v9", "Python")
	r.must(os.MkdirAll(dir, 0o700))
	r.must(os.WriteFile(filepath.Join(dir, "version.py"), []byte("version='v8'"), 0o600))
	if all := r.Shelf(); len(all) > 0 {
		t.Errorf("offered %+v", all)
	}
	kind(t, second(r.OSFiles("v9", "Python")), roost.NotFound)
	r.must(os.WriteFile(filepath.Join(dir, "version.py"), []byte("version='v9'"), 0o600))
	r.must(os.WriteFile(filepath.Join(dir, "api.py"), []byte("x"), 0o600)) // the folder changes
	if got := get(r.OSFiles("v9", "Python"))(t); len(got) != 2 {
		t.Errorf("files %+v", got)
	}
}

func TestRequiredSystemMustBeOnTheShelf(t *testing.T) {
	r := newRoom(t, nil)
	a, v := r.app("Blink"), "v1"
	change := release.PoolChange{Settings: roost.SettingsChange{OS: &v}}
	kind(t, second(r.ChangePool(t.Context(), roost.Home, a.ID, "development", change)), roost.Invalid)
	get(r.add("", python("v1/Python/", "v1")))(t)
	get(r.ChangePool(t.Context(), roost.Home, a.ID, "development", change))(t)
	kind(t, r.RemoveRelease(t.Context(), "v1"), roost.Conflict)
	v = "FACTORY" // compatibility case S11
	p := get(r.ChangePool(t.Context(), roost.Home, a.ID, "development", change))(t)
	if p.Settings.OS != "factory" {
		t.Errorf("system %q", p.Settings.OS)
	}
	r.must(r.RemoveRelease(t.Context(), "v1"))
	kind(t, r.RemoveRelease(t.Context(), "v1"), roost.NotFound)
	kind(t, r.RemoveRelease(t.Context(), ".."), roost.NotFound)
	kind(t, second(r.OSFiles("v1", "Python")), roost.NotFound)
	get(r.add("", python("v1/Python/", "v1")))(t)
}

func TestZipsThatAreNoApps(t *testing.T) {
	many := map[string]string{}
	for i := range 201 {
		many[fmt.Sprintf("f%d.py", i)] = ""
	}
	for name, c := range map[string]struct {
		files map[string]string
		kind  roost.ErrorKind
	}{
		"nothing":     {map[string]string{".git/config": "x"}, roost.Invalid},
		"a path out":  {map[string]string{"../x.py": ""}, roost.Invalid},
		"folders":     {map[string]string{"a/x.py": "", "b/y.py": ""}, roost.Invalid},
		"no text":     {map[string]string{"x.png": "\x89PNG\x00"}, roost.Invalid},
		"a big file":  {map[string]string{"x.py": strings.Repeat("x", 256<<10+1)}, roost.TooLarge},
		"a bomb":      {map[string]string{"a": bomb, "b": bomb, "c": bomb, "d": bomb, "e": bomb}, roost.TooLarge},
		"many files":  {many, roost.TooLarge},
		"a bad name":  {map[string]string{"a b.py": ""}, roost.Invalid},
		"a backslash": {map[string]string{`a\b.py`: ""}, roost.Invalid},
	} {
		b := pack(t, c.files)
		files, err := release.ReadZip(bytes.NewReader(b), int64(len(b)))
		if roost.KindOf(err) != c.kind || files != nil {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
	}
	kind(t, second(release.ReadZip(strings.NewReader("PK"), 2)), roost.Invalid)
}

var bomb = strings.Repeat("x", 256<<10)

func TestZipOfAWorkingTreeLosesItsWrapping(t *testing.T) {
	b := pack(t, map[string]string{
		"blink-main/worker_task.py": "x", "blink-main/README.md": "é", "blink-main/.gitignore": "", "blink-main/.git/HEAD": "",
		"blink-main/__pycache__/worker_task.pyc": "\x00", "__MACOSX/blink-main/x": "",
	})
	got := get(release.ReadZip(bytes.NewReader(b), int64(len(b))))(t)
	if len(got) != 2 || got["worker_task.py"] != "x" || got["README.md"] != "é" {
		t.Errorf("files %v", got)
	}
}

// What stands in the way of one platform keeps the others off the shelf, too.
func TestReleaseOfWhichOnePlatformCannotBeAddedIsNotAdded(t *testing.T) {
	r := newRoom(t, nil)
	if _, err := r.add("", python("v1.0.0/esp8266/", "v1.0.0")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(r.shelf, "v1.0.0/rp2")); err != nil {
		t.Fatal(err)
	}
	more := python("v1.0.0/esp32/", "v1.0.0")
	maps.Copy(more, python("v1.0.0/rp2/", "v1.0.0"))
	if _, err := r.add("", more); roost.KindOf(err) != roost.Unavailable {
		t.Fatalf("added: %v", err)
	}
	if all := r.Shelf(); len(all) != 1 || len(all[0].Platforms) != 1 || all[0].Platforms[0].Name != "esp8266" {
		t.Errorf("shelf %+v", all)
	}
}
