//go:build unix

package device_test

import (
	"os/exec"
	"syscall"
)

// grouped puts a program that is started later and its children in a group of their own; kill ends them all.
func grouped(run *exec.Cmd) (kill func()) {
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return func() { _ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
}
