package micropython

import (
	"context"
	"path"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// Error numbers are MicroPython's, so that OSError carries what boards raise.
const (
	noEntry   = -2
	badFile   = -9
	exists    = -17
	notFolder = -20
	isFolder  = -21
	noSpace   = -28
	readOnly  = -30
	notEmpty  = -39
)

// builtIn is the folder of the modules that are built in. Listings do not show it.
const builtIn = "/.builtin"

// lookup finds a file or folder of the flash, or a module that is built in.
func (v *VM) lookup(name string) *node {
	if name == builtIn {
		return &node{folder: true}
	}
	if module, ok := strings.CutPrefix(name, builtIn+"/"); ok {
		return v.ownModule(module)
	}
	if n := v.config.Flash.node(name); n != nil {
		return n
	}
	if module, ok := strings.CutPrefix(name, library+"/"); ok {
		return v.ownModule(module)
	}
	return nil
}

// library is where modules that are built in are found, too, after what the flash has
// there: on a board they need no entry in sys.path, so programs that set it leave ours out.
const library = "/lib"

// ownModule gives the file of a module that is built in.
func (v *VM) ownModule(name string) *node {
	source, ok := v.config.Modules[strings.TrimSuffix(name, ".py")]
	if !ok || !strings.HasSuffix(name, ".py") {
		return nil
	}
	return &node{data: []byte(source)}
}

// pathImport serves the system calls that name files (without "__syscall_").
func pathImport(name string) hostFunc[*VM] {
	call, ok := map[string]func(v *VM, mem api.Memory, a []uint64) int32{
		"chdir":      func(v *VM, mem api.Memory, a []uint64) int32 { return v.chdir(v.path(mem, a[0])) },
		"getcwd":     func(v *VM, mem api.Memory, a []uint64) int32 { return v.getcwd(mem, a) },
		"mkdirat":    func(v *VM, mem api.Memory, a []uint64) int32 { return v.mkdir(v.path(mem, a[1])) },
		"rmdir":      func(v *VM, mem api.Memory, a []uint64) int32 { return v.rmdir(v.path(mem, a[0])) },
		"unlinkat":   func(v *VM, mem api.Memory, a []uint64) int32 { return v.unlink(v.path(mem, a[1])) },
		"renameat":   func(v *VM, mem api.Memory, a []uint64) int32 { return v.rename(v.path(mem, a[1]), v.path(mem, a[3])) },
		"stat64":     func(v *VM, mem api.Memory, a []uint64) int32 { return v.stat(mem, v.path(mem, a[0]), a[1]) },
		"lstat64":    func(v *VM, mem api.Memory, a []uint64) int32 { return v.stat(mem, v.path(mem, a[0]), a[1]) },
		"newfstatat": func(v *VM, mem api.Memory, a []uint64) int32 { return v.stat(mem, v.path(mem, a[1]), a[2]) },
		"statfs64":   func(v *VM, mem api.Memory, a []uint64) int32 { return v.statfs(mem, uint32(a[2])) },
		"openat":     func(v *VM, mem api.Memory, a []uint64) int32 { return v.open(v.path(mem, a[1]), a[2]) },
		"fstat64":    func(v *VM, mem api.Memory, a []uint64) int32 { return v.fstat(mem, a[0], a[1]) },
		"getdents64": func(v *VM, mem api.Memory, a []uint64) int32 { return v.list(mem, a) },
		"poll":       func(v *VM, mem api.Memory, a []uint64) int32 { return v.poll(mem, a) },
	}[name]
	if !ok {
		return nil
	}
	return func(_ context.Context, v *VM, stack []uint64) {
		stack[0] = api.EncodeI32(call(v, v.module.Memory(), stack))
	}
}

func (v *VM) path(mem api.Memory, p uint64) string {
	return absolute(v.folder, cstring(mem, uint32(p)))
}

func (v *VM) chdir(name string) int32 {
	n := v.lookup(name)
	switch {
	case n == nil:
		return noEntry
	case !n.folder:
		return notFolder
	}
	v.folder = name
	return 0
}

func (v *VM) getcwd(mem api.Memory, a []uint64) int32 {
	const tooLong = -34
	if len(v.folder)+1 > int(uint32(a[1])) {
		return tooLong
	}
	mem.WriteString(uint32(a[0]), v.folder+"\x00")
	return int32(len(v.folder) + 1)
}

func (v *VM) mkdir(name string) int32 {
	if v.lookup(name) != nil {
		return exists
	}
	if e := v.writable(name); e != 0 {
		return e
	}
	if v.config.Flash.blocks() >= v.config.Flash.size() {
		return noSpace
	}
	v.config.Flash.makeFolder(name)
	return 0
}

// writable tells whether something may be made under name.
func (v *VM) writable(name string) int32 {
	if name == builtIn || strings.HasPrefix(name, builtIn+"/") {
		return readOnly
	}
	folder := v.lookup(path.Dir(name))
	switch {
	case folder == nil:
		return noEntry
	case !folder.folder:
		return notFolder
	}
	return 0
}

func (v *VM) rmdir(name string) int32 {
	n := v.lookup(name)
	switch {
	case n == nil:
		return noEntry
	case !n.folder:
		return notFolder
	case len(v.config.Flash.children(name)) > 0:
		return notEmpty
	case name == "/" || name == builtIn:
		return readOnly
	}
	v.config.Flash.remove(name)
	return 0
}

func (v *VM) unlink(name string) int32 {
	n := v.lookup(name)
	switch {
	case n == nil:
		return noEntry
	case n.folder:
		return isFolder
	case strings.HasPrefix(name, builtIn+"/"):
		return readOnly
	}
	v.config.Flash.remove(name)
	return 0
}

func (v *VM) rename(from, to string) int32 {
	n, over := v.lookup(from), v.lookup(to)
	if n == nil {
		return noEntry
	}
	if e := min(v.writable(from), v.writable(to)); e != 0 {
		return e
	}
	switch {
	case from == to:
		return 0
	case from == "/" || strings.HasPrefix(to, from+"/"):
		const invalid = -22
		return invalid
	case over != nil && over.folder && !n.folder:
		return isFolder
	case over != nil && !over.folder && n.folder:
		return notFolder
	case over != nil && over.folder && len(v.config.Flash.children(to)) > 0:
		return notEmpty
	}
	v.config.Flash.rename(from, to)
	return 0
}

// stat writes Emscripten's struct stat: 96 bytes.
func (v *VM) stat(mem api.Memory, name string, at uint64) int32 {
	n := v.lookup(name)
	if n == nil {
		return noEntry
	}
	writeStat(mem, n, uint32(at))
	return 0
}

func writeStat(mem api.Memory, n *node, at uint32) {
	const file, folder = 0o100644, 0o040755
	mem.Write(at, make([]byte, 96))
	mode := uint32(file)
	if n.folder {
		mode = folder
	}
	mem.WriteUint32Le(at, 1) // device
	mem.WriteUint32Le(at+4, mode)
	mem.WriteUint32Le(at+8, 1) // links
	mem.WriteUint64Le(at+24, uint64(len(n.data)))
	mem.WriteUint32Le(at+32, flashBlock)
	mem.WriteUint32Le(at+36, uint32(len(n.data)+511)/512)
	for _, stamp := range []uint32{40, 56, 72} { // accessed, modified, changed
		mem.WriteUint64Le(at+stamp, uint64(max(n.modified.Unix(), 0)))
	}
	mem.WriteUint64Le(at+88, 1) // inode
}

// A flash is as large as a small board's, 2 MB, if nothing else is said.
const (
	flashBlock  = 4096
	flashBlocks = 512
	mostFile    = 64 << 20 // where a file position ends
)

func (v *VM) statfs(mem api.Memory, at uint32) int32 {
	left := uint64(max(0, v.config.Flash.size()-v.config.Flash.blocks()))
	mem.Write(at, make([]byte, 88))
	mem.WriteUint32Le(at+4, flashBlock)
	mem.WriteUint64Le(at+8, uint64(v.config.Flash.size()))
	mem.WriteUint64Le(at+16, left)
	mem.WriteUint64Le(at+24, left)
	mem.WriteUint32Le(at+60, flashBlock)
	return 0
}
