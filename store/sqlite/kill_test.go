package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/roost-iot/roost"
)

// childDir in the environment makes the test binary a server that writes until
// it is killed.
const childDir = "ROOST_TEST_KILL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeForEver(dir)
	}
	if dir := os.Getenv(brokerDir); dir != "" {
		publishForEver(dir)
	}
	os.Exit(m.Run())
}

// writeForEver prints the id of each command once it was acknowledged.
func writeForEver(dir string) {
	s, err := Open(context.Background(), dir, Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for range 8 {
		go func() {
			for {
				id := roost.NewID()
				if err := s.SaveCommand(context.Background(), order(id)); err != nil {
					os.Exit(1)
				}
				fmt.Println(id)
			}
		}()
	}
	select {}
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for _, lines := range []int{1, 50, 500} {
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), childDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(out)
		for n := 0; in.Scan(); n++ {
			acknowledged[in.Text()] = true
			if n+1 == lines {
				if err := child.Process.Kill(); err != nil { // SIGKILL; what it printed before is still read
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
		verify(t, dir, acknowledged)
	}
}

func verify(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	s := openAt(t, dir, Config{})
	defer s.Close()
	kept, err := s.Commands(t.Context(), order("").Ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, c := range kept {
		ids[c.ID] = true
	}
	for id := range acknowledged {
		if !ids[id] {
			t.Errorf("command %s was acknowledged and is gone", id)
		}
	}
	if len(acknowledged) == 0 {
		t.Error("the child acknowledged nothing")
	}
	var check string
	if err := s.Reader().QueryRow(`PRAGMA integrity_check`).Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity check: %q (%v)", check, err)
	}
}
