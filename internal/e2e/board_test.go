package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// iot asks as a board does.
func (s *server) iot(path string, body map[string]any) (int, map[string]any) {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.Post("http://"+s.http+"/iot/"+path, "application/json", bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		s.t.Fatalf("/iot/%s: %v", path, err)
	}
	return r.StatusCode, answer
}

// calmly polls until ok holds, but not so often that a board would be told to slow down.
func calmly(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(250 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

const (
	meterMAC = "28:CD:C1:01:02:03"
	meterID  = "meter-28cdc1010203"
)

func (s *server) boot() (int, map[string]any) {
	s.t.Helper()
	return s.iot("boot", map[string]any{"mac": meterMAC, "app_type": "meter", "device_type": "pico_w", "hashes": map[string]string{}})
}

func (s *server) beat() map[string]any {
	s.t.Helper()
	status, a := s.iot("heartbeat", map[string]any{"device_id": meterID, "telemetry": map[string]any{"distance": 12.5}})
	if status != http.StatusOK {
		s.t.Fatalf("heartbeat: %d %v", status, a)
	}
	return a
}

// ota is a path in the server's directories of boards.
func (s *server) ota(path ...string) string {
	return filepath.Join(append([]string{s.data, "ota"}, path...)...)
}

func (s *server) drop(text string, path ...string) {
	s.t.Helper()
	at := s.ota(path...)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// meter has a directory, and a board that was let in.
func (s *server) meter() {
	s.t.Helper()
	s.drop("import app\n", "boot", "meter", "main.py")
	s.drop("FIRMWARE = '1'\n", "boot", "meter", "app.py")
	calmly(s.t, "the directory is an app", func() bool { status, _ := s.boot(); return status == http.StatusForbidden })
	run(s.t, "thing", "approve", meterID, "--data", s.data)
	if status, a := s.boot(); status != http.StatusOK || fmt.Sprint(a["order"]) != "[app.py main.py]" || a["device_id"] != meterID {
		s.t.Fatalf("boot: %d %v", status, a)
	}
}

func TestBoardFromItsDirectoryToAHotfix(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"))
	s.meter()
	if status, a := s.iot("register", map[string]any{"device_id": meterID, "firmware": "1", "meta": map[string]any{"leds": 3}}); status != http.StatusOK {
		t.Fatalf("register: %d %v", status, a)
	}
	s.beat()
	s.awaitValue(meterID, "distance", "12.5")

	fix := filepath.Join(t.TempDir(), "app.py")
	if err := os.WriteFile(fix, []byte("FIRMWARE = '1.1'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := run(t, "thing", "hotfix", meterID, fix, "--data", s.data)
	if files := fmt.Sprint(s.beat()["files"]); files != "map[app.py:FIRMWARE = '1.1'\n]" {
		t.Errorf("heartbeat brought %s", files)
	}
	if list := run(t, "thing", "hotfix", meterID, "--list", "--data", s.data); !strings.Contains(list, "served") || !strings.Contains(list, "app.py") {
		t.Errorf("list: %s", list)
	}
	run(t, "thing", "hotfix", meterID, "--undo", said[strings.LastIndex(said, " ")+1:len(said)-1], "--data", s.data)
	if files := fmt.Sprint(s.beat()["files"]); files != "map[app.py:FIRMWARE = '1'\n]" {
		t.Errorf("taken back, a heartbeat brought %s", files)
	}
	run(t, "thing", "restart", meterID, "--data", s.data)
	if a := s.beat(); a["restart"] != true {
		t.Errorf("heartbeat: %v", a)
	}
	s.drop("FIRMWARE = '2'\n", "boot", "meter", "app.py")
	calmly(t, "the change ships", func() bool {
		_, a := s.boot()
		return strings.Contains(fmt.Sprint(a["files"]), "FIRMWARE = '2'")
	})
}

// Killed anywhere between serving and archiving: each dropped file is served at least
// once and archived once, and stays part of what is wanted.
func TestHotfixOutlivesAKilledServer(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, data)
	s.meter()
	served := func() int {
		all, err := filepath.Glob(s.ota("heartbeat", meterID, "served", "*", "*.py"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for round := range 3 {
		if round == 2 { // it can surely not archive before it is killed
			if err := os.RemoveAll(s.ota("heartbeat", meterID, "served")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/nowhere/at/all", s.ota("heartbeat", meterID, "served")); err != nil {
				t.Fatal(err)
			}
			s.allowsTroubles = true
		}
		text := fmt.Sprintf("FIRMWARE = 'fix %d'\n", round)
		s.drop(text, "heartbeat", meterID, "app.py")
		var a map[string]any
		calmly(t, "a heartbeat brings it", func() bool { a = s.beat(); return a["files"] != nil })
		if files := fmt.Sprint(a["files"]); files != "map[app.py:"+text+"]" {
			t.Errorf("round %d brought %s", round, files)
		}
		s.kill()
		if round == 2 {
			if err := os.Remove(s.ota("heartbeat", meterID, "served")); err != nil {
				t.Fatal(err)
			}
		}
		s = start(t, data)
		want := map[int]int{0: 1, 1: 2, 2: 1}[round]
		calmly(t, "it is archived", func() bool {
			if s.beat(); served() < want {
				return false
			}
			_, err := os.Stat(s.ota("heartbeat", meterID, "app.py"))
			return os.IsNotExist(err)
		})
		if n := served(); n != want {
			t.Errorf("round %d: %d files in the archive, want %d", round, n, want)
		}
		if _, a := s.boot(); !strings.Contains(fmt.Sprint(a["files"]), text) {
			t.Errorf("round %d: a boot reverts it: %v", round, a)
		}
	}
}
