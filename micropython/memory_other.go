//go:build !unix

package micropython

func reserve(size int) ([]byte, error) { return make([]byte, size), nil }

func unreserve([]byte) {} // Go's collector takes it
