package agent_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/wire/agent"
)

// signed is a runtime with one signature.
func signed(t testing.TB) agent.Bundle {
	t.Helper()
	b := roomtest.Runtime(t, "1.2.0")
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Signatures = []agent.BundleSignature{{Form: "full/6", Public: hex.EncodeToString(public), Sig: agent.Sign(private, b.Texts["full/6"])}}
	return b
}

func TestBundleComesBackAsItWent(t *testing.T) {
	b := signed(t)
	out := roomtest.Zip(t, b)
	back, err := agent.ReadBundle(strings.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, back); diff != "" {
		t.Error(diff)
	}
	if again := roomtest.Zip(t, back); again != out {
		t.Error("the same runtime gives other bytes")
	}
}

// rewritten is a zip with other entries.
func rewritten(t *testing.T, b agent.Bundle, change func(entries map[string]string)) string {
	t.Helper()
	out := roomtest.Zip(t, b)
	in, err := zip.NewReader(strings.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]string{}
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries[f.Name] = string(content)
	}
	change(entries)
	var made bytes.Buffer
	w := zip.NewWriter(&made)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		f, err := w.Create(strings.TrimSuffix(name, "#twice"))
		if err == nil {
			_, err = io.WriteString(f, entries[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return made.String()
}

func TestFilesThatAreNoRuntimeAreRefused(t *testing.T) {
	one := agent.FileOf([]byte("pass\n")).SHA256
	for name, c := range map[string]struct {
		change func(map[string]string)
		says   string
		kind   roost.ErrorKind
	}{
		"a file of another content": {func(e map[string]string) { e["files/"+one] = "past\n" }, "damaged", roost.Invalid},
		"a file that is missing":    {func(e map[string]string) { delete(e, "files/"+one) }, "platform.py", roost.Invalid},
		"a file of nothing": {func(e map[string]string) {
			e["files/"+agent.FileOf([]byte("x")).SHA256] = "x"
		}, "belongs to none", roost.Invalid},
		"a path that leads out":  {func(e map[string]string) { e["files/../../x"] = "x" }, "no file of a runtime", roost.Invalid},
		"a name twice":           {func(e map[string]string) { e["files/"+one+"#twice"] = "pass\n" }, "twice", roost.Invalid},
		"a zip bomb":             {func(e map[string]string) { e["files/"+one] = strings.Repeat("x", 8<<20) }, "larger", roost.TooLarge},
		"no list":                {func(e map[string]string) { delete(e, "release.json") }, "roost runtime export", roost.Invalid},
		"PythingsOS":             {func(e map[string]string) { clear(e); e["esp32/version.py"] = "version='v1'" }, "PythingsOS", roost.Invalid},
		"a list of nothing":      {func(e map[string]string) { e["release.json"] = "{}" }, "not one of a runtime", roost.Invalid},
		"a newer format":         {func(e map[string]string) { replace(e, `"roostRuntime": 1`, `"roostRuntime": 2`) }, "newer Roost", roost.Invalid},
		"another version":        {func(e map[string]string) { replace(e, `"version": "1.2.0"`, `"version": "1.3.0"`) }, "again and again", roost.Invalid},
		"a version like a path":  {func(e map[string]string) { replace(e, `"version": "1.2.0"`, `"version": "../x"`) }, "no version", roost.Invalid},
		"an app":                 {func(e map[string]string) { replace(e, `\"kind\":\"os\"`, `\"kind\":\"app\"`) }, "of an app", roost.Invalid},
		"a number that holds":    {func(e map[string]string) { replace(e, `\"seq\":1002000`, `\"seq\":99`) }, "again and again", roost.Invalid},
		"a form of another kind": {func(e map[string]string) { replace(e, `"full/6"`, `"huge/6"`) }, "knows nothing", roost.Invalid},
		"down in secret":         {func(e map[string]string) { replace(e, `\"seq\":1002000,`, `\"seq\":1002000,\"down\":true,`) }, "going back", roost.Invalid},
		"a signature of another": {func(e map[string]string) { replace(e, `"sig": "`, `"sig": "00`) }, "does not hold", roost.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			out := rewritten(t, signed(t), c.change)
			_, err := agent.ReadBundle(strings.NewReader(out), int64(len(out)))
			if roost.KindOf(err) != c.kind || !strings.Contains(roost.Message(err), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := agent.ReadBundle(strings.NewReader("no zip"), 6); roost.KindOf(err) != roost.Invalid {
		t.Errorf("no zip: %v", err)
	}
	if _, err := agent.ReadBundle(strings.NewReader(""), 1<<30); roost.KindOf(err) != roost.TooLarge {
		t.Errorf("too large: %v", err)
	}
}

func replace(entries map[string]string, from, to string) {
	entries["release.json"] = strings.ReplaceAll(entries["release.json"], from, to)
}

func TestRuntimesThatSayAnotherVersionAreRefused(t *testing.T) {
	for _, name := range []string{"rt/__init__.py", "rt/__init__.mpy"} {
		b := roomtest.Runtime(t, "1.2.0")
		wrong := []byte("VERSION = \"1.1.0\"\n")
		for form, text := range b.Texts {
			r, err := agent.ParseRelease(text)
			if err != nil {
				t.Fatal(err)
			}
			if old, has := r.Files[name]; has {
				delete(b.Files, old.SHA256)
				r.Files[name] = agent.FileOf(wrong)
				b.Files[r.Files[name].SHA256] = wrong
			}
			if b.Texts[form], err = agent.Text(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Check(); roost.KindOf(err) != roost.Invalid || !strings.Contains(roost.Message(err), "does not say the version") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One version has a number, and no other has it.
func TestVersionsAreThreePlainNumbers(t *testing.T) {
	for _, v := range []string{"0.9.9", "1.0.0", "1.10.0", "999.999.999"} {
		if err := agent.CheckRuntimeVersion(v); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	for _, v := range []string{"", "1", "1.1", "001.1.0", "1.01.0", "1.1.0-a", "1.1.0.0", "1000.0.0", "1.1.0\n", "v1.1.0", "1.1.", "1.-1.0", "１.1.0"} {
		if err := agent.CheckRuntimeVersion(v); roost.KindOf(err) != roost.Invalid || !strings.Contains(roost.Message(err), "three numbers") {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestSeqRisesWithTheVersion(t *testing.T) {
	last := int64(-1)
	for _, v := range []string{"0", "0.9", "0.9.9", "1.0.0", "1.0.1-rc1", "1.2", "1.10.0", "2.0.0"} {
		n := agent.RuntimeSeq(v)
		if n <= last {
			t.Errorf("%s has %d after %d", v, n, last)
		}
		last = n
	}
}

func FuzzReadBundle(f *testing.F) {
	b := signed(f)
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := agent.ReadBundle(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			if k := roost.KindOf(err); k != roost.Invalid && k != roost.TooLarge {
				t.Errorf("%v", err)
			}
			return
		}
		again := roomtest.Zip(t, b)
		if _, err := agent.ReadBundle(strings.NewReader(again), int64(len(again))); err != nil {
			t.Errorf("what was read and written cannot be read: %v", err)
		}
	})
}
