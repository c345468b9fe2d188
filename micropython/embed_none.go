//go:build !vm

package micropython

// This build has neither the virtual machine nor the cross-compiler.
var vmBinary, crossBinary []byte
