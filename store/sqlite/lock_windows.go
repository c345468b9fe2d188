package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// errorSharingViolation: somebody has the file open in a way that excludes ours.
const errorSharingViolation = syscall.Errno(32)

// openLocked opens path so that others may read but not write it; errInUse when
// another process (or another Store of this one) has. It ends with the process.
func openLocked(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ,
		nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, errInUse
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}
