package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

func TestReleaseIsSignedByItsOwner(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	file := filepath.Join(t.TempDir(), "release.pem")
	status, out, errs := cli(t, "app", "key", file)
	if status != 0 || !strings.Contains(out, file+".pub") {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key: %v, %v", info, err)
	}
	if status, _, errs := cli(t, "app", "key", file); status == 0 || !strings.Contains(errs, "no key is overwritten") {
		t.Errorf("a second time: %d %s", status, errs)
	}
	pub, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	public, err := hex.DecodeString(strings.TrimSpace(string(pub)))
	if err != nil || len(public) != 32 {
		t.Fatalf("the public key is %q", pub)
	}

	_, id, _ := cli(t, "app", "new", "Greenhouse", "--data", s.data)
	c, err := remote{Data: s.data}.client()
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.app(t.Context(), strings.TrimSpace(id))
	if err != nil {
		t.Fatal(err)
	}
	status, out, errs = cli(t, "app", "sign", "Greenhouse", a.Newest.ID, "--key", file, "--data", s.data)
	if status != 0 || !strings.Contains(out, "worker_task.py") || !strings.Contains(out, "Signed with the key "+agent.OwnerName(public)) {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	if compiled := strings.Contains(out, "worker_task.mpy"); compiled != micropython.Available() {
		t.Errorf("compiled: %v\n%s", compiled, out)
	}
	var release struct {
		Text       string
		Signatures []struct{ Owner string }
	}
	if err := c.call(t.Context(), "GET", appPath(a.ID)+"/commits/"+a.Newest.ID+"/release", nil, &release); err != nil {
		t.Fatal(err)
	}
	if len(release.Signatures) != 1 || release.Signatures[0].Owner != agent.OwnerName(public) {
		t.Errorf("signatures: %+v", release.Signatures)
	}
	status, _, errs = cli(t, "app", "sign", "Greenhouse", a.Newest.ID, "--key", file+".pub", "--data", s.data)
	if status == 0 || !strings.Contains(errs, "no private key") {
		t.Errorf("with the public key: %d %s", status, errs)
	}
}

func TestReleaseThatIsNotTheCommitIsNotSigned(t *testing.T) {
	files := map[string]string{"app.py": "x = 1\n", "notes.txt": "n"}
	base := func() agent.Release {
		r := agent.Release{Kind: "app", Ver: "1795240653", Seq: 1795240653, Files: map[string]agent.File{}}
		for name, text := range files {
			r.Files[name] = agent.FileOf([]byte(text))
		}
		return r
	}
	sign := appSign{Commit: "1795240653"}
	if err := sign.check(t.Context(), base(), files); err != nil {
		t.Error("the commit itself: ", err)
	}
	for says, spoil := range map[string]func(*agent.Release){
		"app.py is not in":      func(r *agent.Release) { r.Files["app.py"] = agent.FileOf([]byte("x = 2\n")) },
		"notes.txt is not in":   func(r *agent.Release) { delete(r.Files, "notes.txt") },
		"more.py is in":         func(r *agent.Release) { r.Files["more.py"] = agent.FileOf([]byte("evil")) },
		"more.mpy is in":        func(r *agent.Release) { r.Files["more.mpy"] = agent.FileOf([]byte("evil")) },
		"app.mpy is":            func(r *agent.Release) { r.Files["app.mpy"] = agent.FileOf([]byte("evil")) },
		"not commit 1795240653": func(r *agent.Release) { r.Ver = "1795240654" },
		"os 1795240653, not":    func(r *agent.Release) { r.Kind = "os" },
		"other than asked for":  func(r *agent.Release) { r.Down = true },
	} {
		r := base()
		spoil(&r)
		if err := sign.check(t.Context(), r, files); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if !micropython.Available() {
		return
	}
	compiler, err := micropython.NewCompiler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer compiler.Close()
	code, err := compiler.Compile(t.Context(), "app.py", []byte(files["app.py"]))
	if err != nil {
		t.Fatal(err)
	}
	r := base()
	r.Files["app.mpy"] = agent.FileOf(code)
	if err := sign.check(t.Context(), r, files); err != nil {
		t.Error("what app.py gives when it is compiled: ", err)
	}
}

func TestPackIsNotWrittenOverAnother(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	file := filepath.Join(t.TempDir(), "roof.zip")
	status, out, errs := cli(t, "thing", "pack", "--name", "Roof", "--backend", "192.0.2.1:8080", "-o", file, "--data", s.data)
	if status != 0 || !strings.Contains(out, "the Roost at http://192.0.2.1:8080") || !strings.Contains(out, "Roof/run.sh") {
		t.Fatalf("%d %s%s", status, out, errs)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the zip: %v, %v", info, err)
	}
	if status, _, errs := cli(t, "thing", "pack", "--name", "Roof", "-o", file, "--data", s.data); status == 0 || !strings.Contains(errs, "is there already") {
		t.Errorf("a second time: %d %s", status, errs)
	}
}
