package main

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/wire/agent"
)

func TestRuntimesGoThroughFiles(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	dir := t.TempDir()
	says := func(want int, text string, args ...string) {
		t.Helper()
		status, out, errs := cli(t, append(args, "--data", s.data)...)
		if (status != 0) != (want != 0) || !strings.Contains(out+errs, text) {
			t.Errorf("%v: %d %s%s", args, status, out, errs)
		}
	}
	own := filepath.Join(dir, "own.zip")
	says(0, device.Version(), "runtime", "export", "--out", own)
	says(1, "is there already", "runtime", "export", "--out", own)
	if _, b, err := readRuntime(own); err != nil || b.Version != device.Version() {
		t.Fatalf("%s, %v", b.Version, err)
	}
	says(1, "already, with all", "runtime", "add", own)
	says(1, "stays", "runtime", "remove", device.Version())
	says(0, "this Roost (latest)", "runtime", "list")

	older := filepath.Join(dir, "older.zip")
	if err := os.WriteFile(older, []byte(roomtest.Zip(t, roomtest.Runtime(t, "0.1.0"))), 0o600); err != nil {
		t.Fatal(err)
	}
	says(0, "os=0.1.0", "runtime", "add", older)
	key := filepath.Join(dir, "release.pem")
	if status, _, errs := cli(t, "app", "key", key); status != 0 {
		t.Fatal(errs)
	}
	public, err := readKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name := agent.OwnerName(public.Public().(ed25519.PublicKey))
	says(1, "--unproven", "runtime", "sign", "0.1.0", "--key", key)
	says(0, "Signed with the key "+name, "runtime", "sign", "0.1.0", "--key", key, "--unproven", "--down")
	says(0, name, "runtime", "list")
	again := filepath.Join(dir, "again.zip")
	says(0, "0.1.0", "runtime", "export", "0.1.0", "--out", again)
	if _, b, err := readRuntime(again); err != nil || len(b.Signatures) != 6 || len(b.Texts) != 6 {
		t.Errorf("exported with %d signatures of %d texts, %v", len(b.Signatures), len(b.Texts), err)
	}
	says(0, "off the shelf", "runtime", "remove", "0.1.0")
	says(0, "in "+older, "runtime", "sign", older, "--key", key, "--unproven") // without a Roost
	says(0, "on the shelf", "runtime", "add", older)
	says(0, name, "runtime", "list")
	if err := os.WriteFile(older, []byte("no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	says(1, "no zip that can be read", "runtime", "add", older)
}
