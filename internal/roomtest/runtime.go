package roomtest

import (
	"bytes"
	"testing"

	"github.com/roost-iot/roost/wire/agent"
)

// Runtime is a version of the runtime as a file: two modules, in source and as if compiled.
func Runtime(t testing.TB, version string) agent.Bundle {
	t.Helper()
	b := agent.Bundle{Version: version, Texts: map[string]string{}, Files: map[string][]byte{}}
	source := map[string]string{"rt/__init__.py": "VERSION = \"" + version + "\"\n", "platform.py": "pass\n"}
	compiled := map[string]string{"rt/__init__.mpy": "M\x06 " + version, "platform.mpy": "M\x06"}
	for form, files := range map[string]map[string]string{"full/0": source, "full/6": compiled, "lean/0": source} {
		r := agent.Release{Kind: agent.KindOS, Ver: version, Seq: agent.RuntimeSeq(version), Files: map[string]agent.File{}}
		for name, content := range files {
			f := agent.FileOf([]byte(content))
			r.Files[name], b.Files[f.SHA256] = f, []byte(content)
		}
		text, err := agent.Text(r)
		if err != nil {
			t.Fatal(err)
		}
		b.Texts[form] = text
	}
	return b
}

// Zip writes it as it is sent.
func Zip(t testing.TB, b agent.Bundle) string {
	t.Helper()
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
