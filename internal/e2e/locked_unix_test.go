//go:build unix

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user who may write nowhere; root becomes it for this test.
const nobody = 65534

func TestFolderThatCannotBeWritten(t *testing.T) {
	dir, err := os.MkdirTemp("", "roost-locked-") // t.TempDir is not open to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := filepath.Join(dir, "roost")
	code, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, code, 0o755); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, program} { // whatever the umask takes away
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, data := range []string{locked, filepath.Join(locked, "data")} {
		ctx, stop := context.WithTimeout(t.Context(), patience)
		cmd := exec.CommandContext(ctx, program, "serve", "--data", data, "--http", "127.0.0.1:0", "--coap", "127.0.0.1:0", "--mqtt", "off", "--mqttsn", "off")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, err := cmd.CombinedOutput()
		stop()
		if err == nil || !strings.Contains(string(out), "--data "+data) || !strings.Contains(string(out), "permission denied") {
			t.Errorf("%s: %v:\n%s", data, err, out)
		}
	}
}
