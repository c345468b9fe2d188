package e2e

import (
	"database/sql"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// failsToStart checks that the server ends soon, with words that help.
func (s *server) failsToStart(words ...string) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("it runs:\n%s%s", s.out, s.log)
	}
	if s.status == 0 {
		s.t.Error("it ended with status 0")
	}
	for _, w := range words {
		if !strings.Contains(s.log.String(), w) {
			s.t.Errorf("nothing is said of %q in:\n%s", w, s.log)
		}
	}
}

func TestDataOfANewerVersionIsLeftAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	start(t, data).endsWell()
	files, err := filepath.Glob(filepath.Join(data, "*.db"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the database: %v, %v", files, err)
	}
	db, err := sql.Open("sqlite", files[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 9999"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	launch(t, data, "127.0.0.1:0", "127.0.0.1:0").failsToStart("newer Roost", "9999")
}

func TestPortsThatAreTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := launch(t, filepath.Join(t.TempDir(), "data"), l.Addr().String(), c.LocalAddr().String())
	s.failsToStart("--http "+l.Addr().String(), "--coap "+c.LocalAddr().String(), "another program uses this port")
}
