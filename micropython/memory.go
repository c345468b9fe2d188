package micropython

import "github.com/tetratelabs/wazero/experimental"

// page is WebAssembly's unit of memory.
const page = 64 << 10

// memory is the linear memory of one instance: reserved whole at the start,
// outside Go's heap where the system can do that, and resident only where it
// was touched. The instance may grow up to its limit, never beyond.
type memory struct{ reserved []byte }

// newMemory reserves limit bytes. Its owner releases it after the instance is
// closed and the last call into it has returned.
func newMemory(limit int) (*memory, error) {
	reserved, err := reserve(limit)
	if err != nil {
		return nil, err
	}
	return &memory{reserved: reserved}, nil
}

// Allocate implements experimental.MemoryAllocator; one memory serves one instance.
func (m *memory) Allocate(uint64, uint64) experimental.LinearMemory { return m }

// Reallocate implements experimental.LinearMemory; nil refuses to grow.
func (m *memory) Reallocate(size uint64) []byte {
	if size > uint64(len(m.reserved)) {
		return nil
	}
	return m.reserved[:size:size]
}

// Free implements experimental.LinearMemory. It frees nothing: calls into a
// cancelled instance may still be unwinding.
func (m *memory) Free() {}

func (m *memory) release() {
	unreserve(m.reserved)
	m.reserved = nil
}
