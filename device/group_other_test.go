//go:build !unix

package device_test

import "os/exec"

func grouped(run *exec.Cmd) (kill func()) { return func() { _ = run.Process.Kill() } }
