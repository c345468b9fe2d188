package device_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

// slotLinux is a thing on CPython, in a folder.
type slotLinux struct {
	*slotRig
	python, root string
}

// write puts what was put on the rig's flash into the folder.
func (l *slotLinux) write(t *testing.T) {
	t.Helper()
	for _, name := range l.flash.Files() {
		text, _ := l.flash.ReadFile(name)
		to := filepath.Join(l.root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	l.flash = micropython.NewFlash(nil)
}

// boot starts it once with something to do.
func (l *slotLinux) boot(t *testing.T, errand string) []string {
	t.Helper()
	l.put("/srv/errand", errand)
	l.write(t)
	ctx, cancel := context.WithTimeout(t.Context(), slotPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, l.python, filepath.Join(l.root, "test.py")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// sources is a runtime as CPython has it.
func (l *slotLinux) sources(t *testing.T, version string) map[string]string {
	t.Helper()
	files := slotFiles(t)
	for _, name := range []string{"pc", "micro", "aes"} {
		text, err := os.ReadFile(filepath.Join("rt", name+".py"))
		if err != nil {
			t.Fatal(err)
		}
		files["rt/"+name+".py"] = string(text)
	}
	files["ver_a.py"] = "V = '" + version + "'\n"
	files["ver_b.py"] = files["ver_a.py"]
	return files
}

func TestUpdatesOnLinux(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	boot, err := os.ReadFile("boot.py")
	if err != nil {
		t.Fatal(err)
	}
	key := agent.NewKey()
	t.Setenv("ROOST_CAUSE", "crash") // each start counts in a trial
	l := &slotLinux{&slotRig{t: t, id: "board-1", key: key, flash: micropython.NewFlash(nil)}, python, t.TempDir()}
	l.put("/boot.py", string(boot)).put("/test.py", "import boot\nROOT = boot.ROOT\n"+slotTestdata(t, "drive.py"))
	l.put("/_s/key", `{"id": "board-1", "key": "`+key.String()+`"}`).put("/_s/owner", hex.EncodeToString(public))
	for name, text := range l.sources(t, "1") {
		l.put("/_f/"+name, text)
	}
	signed := func(_ *agent.Release, _ *agent.Envelope, u *agent.Update) {
		if u != nil {
			u.Sig = agent.Sign(private, u.R)
		}
	}
	l.offer("app", "0", slotApp("0"))
	wantLines(t, l.boot(t, "install"), "runtime 1", "app none", "refused: it is not signed by the owner's release key")
	l.offer("app", "1", slotApp("1"), signed)
	wantLines(t, l.boot(t, "install"), "runtime 1", "app none", "installed")
	wantLines(t, l.boot(t, "confirm-app"), "app 1", "confirmed True")
	l.offer("os", "2", l.sources(t, "2"), signed)
	wantLines(t, l.boot(t, "install"), "runtime 1", "app 1", "installed")
	wantLines(t, l.boot(t, "confirm-os"), "runtime 2", "app 1", "confirmed True")
	l.offer("app", "2", slotApp("2"), signed)
	l.put("/srv/faults", "cut 3\ncut 0\ncut 700")
	wantLines(t, l.boot(t, "install"), "runtime 2", "app 1", "installed")
	for range 3 {
		wantLines(t, l.boot(t, ""), "runtime 2", "app 2")
	}
	wantLines(t, l.boot(t, ""), "runtime 2", "app 1")
	l.offer("app", "2", slotApp("2"), signed)
	wantLines(t, l.boot(t, "install"), "app 1", "refused: this version failed here")
	l.put("/_s/os", "\x00\xff").put("/_s/app", "{")
	wantLines(t, append(l.bootAgain(t), l.boot(t, "state")...), "runtime 2", "app 1")
}

// bootAgain is a boot that may end in a planned restart, exit code 75.
func (l *slotLinux) bootAgain(t *testing.T) []string {
	t.Helper()
	l.write(t)
	out, err := exec.CommandContext(t.Context(), l.python, filepath.Join(l.root, "test.py")).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 75) {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
