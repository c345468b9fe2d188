//go:build unix

package micropython

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func reserve(size int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes for MicroPython: %w", size, err)
	}
	return b, nil
}

// unreserve cannot fail for what reserve gave.
func unreserve(b []byte) { _ = unix.Munmap(b) }
