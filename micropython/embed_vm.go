//go:build vm

package micropython

import _ "embed"

// What `make vm` copied out of the packages named in npm/package.json.
var (
	//go:embed dist/micropython.wasm
	vmBinary []byte
	//go:embed dist/mpy-cross.wasm
	crossBinary []byte
)
