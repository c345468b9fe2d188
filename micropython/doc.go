// Package micropython runs the real MicroPython inside Go: its cross-compiler,
// for syntax checks and .mpy files, and its virtual machine, for boards that
// are played. Both are WebAssembly, run without cgo and without Node; `make vm`
// fetches them and the build tag vm embeds them. Without the tag everything
// here answers ErrUnavailable.
//
// A Board is a whole one, from its power switch to its serial line. A Runner is
// the contract of Pythings apps alone, without a network. Both stand on a VM.
package micropython

import "errors"

// ErrUnavailable says that this build carries no MicroPython.
var ErrUnavailable = errors.New("this build has no MicroPython in it: make build puts it in")

// Available reports whether MicroPython is built in.
func Available() bool { return len(vmBinary) > 0 && len(crossBinary) > 0 }
