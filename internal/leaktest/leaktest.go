// Package leaktest looks, after the tests of a package, for goroutines that they left behind. Only tests import it.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long what was told to end may take for it: the machine may be busy.
const patience = 30 * time.Second

// Main runs the tests, calls last, and ends the process: with status 1, and a word of where they stand, when goroutines
// are left behind.
func Main(m *testing.M, last ...func()) {
	code := m.Run()
	if code == 0 {
		if err := left(patience); err != nil {
			fmt.Fprintf(os.Stderr, "leaktest: %v after the tests: %v\n", patience, err)
			code = 1
		}
	}
	for _, f := range last {
		f()
	}
	os.Exit(code)
}

// left tells of goroutines that have not ended in the time given.
func left(in time.Duration) error {
	for end := time.Now().Add(in); ; { // each look takes its time
		err := goleak.Find()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
