//go:build !unix

package relay

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockDir only opens the file: this system's locks are not spoken here.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock spool: %w", err)
	}
	return f, nil
}
