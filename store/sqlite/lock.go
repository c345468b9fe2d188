package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
)

// lockName is the file that says which process has the folder.
const lockName = "roost.lock"

var errInUse = errors.New("in use")

// fileLock is the hold on a data folder. The file stays behind: removing it
// would let two processes lock two files of that name.
type fileLock struct{ file *os.File }

func lockFolder(dir string) (*fileLock, error) {
	path := filepath.Join(dir, lockName)
	f, err := openLocked(path)
	if errors.Is(err, errInUse) {
		return nil, roost.Errorf(roost.Conflict, "The data folder %s is in use by another Roost%s; stop that one first, or give --data another folder.", dir, holder(path))
	}
	if err != nil {
		return nil, roost.Because(roost.Denied, err, "The data folder %s cannot be locked; check who owns %s.", dir, lockName)
	}
	l := &fileLock{f}
	if err := l.sign(); err != nil {
		return nil, errors.Join(explain(err, dir), l.release())
	}
	return l, nil
}

// sign writes this process's id into the file.
func (l *fileLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("sign %s: %w", lockName, err)
	}
	if _, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("sign %s: %w", lockName, err)
	}
	return nil
}

// holder gives " (process 123)", or "" when the file does not say.
func holder(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

func (l *fileLock) release() error { return l.file.Close() }
