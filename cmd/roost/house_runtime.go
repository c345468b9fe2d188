package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
)

// boardRuntime is Roost's own runtime as this program carries it, for installers and
// updates. What was compiled is kept.
type boardRuntime struct {
	compiler *micropython.Compiler // nil: not in this build, and everybody gets source

	mu       sync.Mutex
	compiled map[string]map[string][]byte // by profile
	rom      []byte
}

// bytecode is the version that the compiler makes.
const bytecode = 6

// Version implements web.Runtime.
func (r *boardRuntime) Version() string { return device.Version() }

// Files implements web.Runtime.
func (r *boardRuntime) Files(ctx context.Context, profile string, mpy int) (map[string][]byte, error) {
	if r.compiler == nil || mpy != bytecode || profile == "python" {
		texts, err := device.Files(profile)
		if err != nil {
			return nil, err
		}
		files := make(map[string][]byte, len(texts))
		for path, text := range texts {
			files[path] = []byte(text)
		}
		return files, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if files := r.compiled[profile]; files != nil {
		return files, nil
	}
	files, err := device.Compiled(ctx, profile, r.compiler.Compile)
	if err != nil {
		return nil, fmt.Errorf("compile the runtime: %w", err)
	}
	if r.compiled == nil {
		r.compiled = map[string]map[string][]byte{}
	}
	r.compiled[profile] = files
	return files, nil
}

// ROM implements web.Runtime.
func (r *boardRuntime) ROM(ctx context.Context) ([]byte, error) {
	if r.compiler == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rom != nil {
		return r.rom, nil
	}
	rom, err := device.ROM(ctx, r.compiler.Compile)
	if err != nil {
		return nil, fmt.Errorf("make an image of the runtime: %w", err)
	}
	r.rom = rom
	return r.rom, nil
}
