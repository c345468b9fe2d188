package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/wire/pyaiot"
)

func TestKeysOfGatewaysByTheCommandLine(t *testing.T) {
	s := serve(t, t.TempDir())
	at := func(args ...string) (int, string, string) {
		t.Helper()
		return cli(t, append(args, "--data", s.data)...)
	}
	status, out, errs := at("keys", "new", "roof")
	if _, err := pyaiot.ParseKeys([]byte(out)); status != 0 || err != nil {
		t.Fatalf("%d %q (%v) %s", status, out, err, errs)
	}
	file := filepath.Join(t.TempDir(), "barn.keys")
	if status, out, errs := at("keys", "new", "barn", "--key-file", file); status != 0 || !strings.Contains(out, "roost gateway --hub ws://") || !strings.Contains(out, "--key-file "+file) {
		t.Errorf("%d %s%s", status, out, errs)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v %v", info, err)
	}
	if status, _, errs := at("keys", "new", "attic", "--key-file", file); status == 0 || !strings.Contains(errs, "already") || strings.Contains(errs, "lost") {
		t.Errorf("over a file that is there: %d %s", status, errs)
	}
	if status, _, errs := at("keys", "new", "shed", "--key-file", filepath.Join(file, "x")); status == 0 || !strings.Contains(errs, `roost keys rm "shed"`) {
		t.Errorf("where no file can be: %d %s", status, errs)
	}
	if _, out, _ := at("keys", "ls"); strings.Count(out, "\n") != 5 || !strings.Contains(out, "key file") || !strings.Contains(out, "roof") {
		t.Errorf("the list:\n%s", out)
	}
	if status, _, errs := at("keys", "rm", "ROOF"); status != 0 {
		t.Errorf("revoke: %s", errs)
	}
	for _, gone := range []string{"roof", "key file"} {
		if status, _, errs := at("keys", "rm", gone); status == 0 || !strings.Contains(errs, "roost keys ls") {
			t.Errorf("revoke %s: %d %s", gone, status, errs)
		}
	}
}

func TestPasswordsOfThingsByTheCommandLine(t *testing.T) {
	s := serve(t, t.TempDir())
	at := func(args ...string) (int, string, string) {
		t.Helper()
		return cli(t, append(args, "--data", s.data)...)
	}
	status, password, errs := at("credential", "new", "kitchen")
	if status != 0 || len(strings.TrimSpace(password)) != 26 {
		t.Fatalf("%d %q %s", status, password, errs)
	}
	if status, _, errs := at("credential", "new", "kitchen"); status == 0 || !strings.Contains(errs, "already") {
		t.Errorf("again: %d %s", status, errs)
	}
	if _, out, _ := at("credential", "ls"); !strings.Contains(out, "kitchen") || strings.Contains(out, strings.TrimSpace(password)) {
		t.Errorf("the list:\n%s", out)
	}
	if status, _, errs := at("credential", "rm", "kitchen"); status != 0 {
		t.Errorf("remove: %s", errs)
	}
	if status, _, errs := at("credential", "rm", "kitchen"); status == 0 || !strings.Contains(errs, "has no password") {
		t.Errorf("again: %d %s", status, errs)
	}
}

func TestRevokedKeyCutsItsGatewayOff(t *testing.T) {
	hub := serve(t, t.TempDir())
	for _, kind := range []string{hubRoost, hubPyaiot} {
		file := filepath.Join(t.TempDir(), "keys")
		if status, _, errs := cli(t, "keys", "new", kind, "--key-file", file, "--data", hub.data); status != 0 {
			t.Fatal(errs)
		}
		outpostOf(t, "ws"+strings.TrimPrefix(hub.url, "http"), file, "--hub-kind", kind, "--doors", "ws")
		listed := func(what string, ok func(row string) bool) {
			t.Helper()
			list := ""
			for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				list = get(t, hub, "/gateways")
				_, row, _ := strings.Cut(list, `"name":"`+kind+`"`)
				if row, _, _ = strings.Cut(row, "}}"); ok(row) {
					return
				}
			}
			t.Fatalf("%s: never %s: %s", kind, what, list)
		}
		listed("connected", func(row string) bool {
			return strings.Contains(row, `"kind":"`+kind+`","connected":true`)
		})
		if status, _, errs := cli(t, "keys", "rm", kind, "--data", hub.data); status != 0 {
			t.Fatal(errs)
		}
		listed("gone", func(row string) bool { return row == "" })
		hub.err.await(t, `gateway refused`)
	}
}
