package sqlite

import (
	"sync"
	"testing"

	"github.com/roost-iot/roost/internal/storetest"
)

// openAt opens the store in dir.
func openAt(t testing.TB, dir string, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openNew opens an empty store that is closed at the end.
func openNew(t testing.TB, c Config) *Store {
	t.Helper()
	s := openAt(t, t.TempDir(), c)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	var dirs sync.Map // by test
	storetest.Run(t, func(t *testing.T) storetest.Store {
		dir, ok := dirs.Load(t.Name())
		if !ok {
			dir, _ = dirs.LoadOrStore(t.Name(), t.TempDir())
		}
		return openAt(t, dir.(string), Config{})
	})
}
