package micropython

import (
	"context"
	"path"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// openFile is a descriptor. As on a board, what is written reaches the flash
// when the file is closed or synced, whole.
type openFile struct {
	name    string
	node    *node
	data    []byte // what the program sees; nil for a folder
	writing bool
	append  bool
	changed bool
	at      int
	entries []string // of a folder
}

// openFiles are the open ones by descriptor; 0 to 2 are the console.
type openFiles struct{ by map[uint32]*openFile }

const mostOpen = 64

func (o *openFiles) add(f *openFile) int32 {
	if o.by == nil {
		o.by = map[uint32]*openFile{}
	}
	for fd := uint32(3); fd < 3+mostOpen; fd++ {
		if o.by[fd] == nil {
			o.by[fd] = f
			return int32(fd)
		}
	}
	const tooMany = -24
	return tooMany
}

// bytes counts what waits to be written.
func (o *openFiles) bytes() int {
	n := 0
	for _, f := range o.by {
		if f.changed {
			n += len(f.data)
		}
	}
	return n
}

func (v *VM) open(name string, flags uint64) int32 {
	const exclusive, appending = 0o200, 0o2000
	n := v.lookup(name)
	writing := flags&openWriteMask != 0
	switch {
	case n == nil && flags&openCreate == 0:
		return noEntry
	case n != nil && flags&openCreate != 0 && flags&exclusive != 0:
		return exists
	case n != nil && n.folder && writing:
		return isFolder
	}
	if n == nil || writing {
		if e := v.writable(name); e != 0 {
			return e
		}
	}
	f := &openFile{name: name, node: n, writing: writing, append: flags&appending != 0}
	switch {
	case n == nil && v.config.Flash.blocks() >= v.config.Flash.size():
		return noSpace
	case n == nil:
		v.config.Flash.store(name, nil)
		f.node = v.lookup(name)
	case flags&openTruncate != 0:
		f.changed = true
	case writing:
		f.data = slices.Clone(n.data)
	default:
		f.data = n.data
	}
	return v.files.add(f)
}

func (v *VM) fstat(mem api.Memory, fd, at uint64) int32 {
	f := v.files.by[uint32(fd)]
	if f == nil {
		return badFile
	}
	writeStat(mem, &node{data: f.data, folder: f.node.folder, modified: f.node.modified}, uint32(at))
	return 0
}

// list is getdents64(fd, buffer, size): records of 280 bytes.
func (v *VM) list(mem api.Memory, a []uint64) int32 {
	const record, folderType, fileType = 280, 4, 8
	f := v.files.by[uint32(a[0])]
	if f == nil {
		return badFile
	}
	if f.entries == nil {
		f.entries = append([]string{".", ".."}, v.config.Flash.children(f.name)...)
	}
	used := uint32(0)
	for ; f.at < len(f.entries) && used+record <= uint32(a[2]); f.at++ {
		name := f.entries[f.at]
		kind := byte(fileType)
		if n := v.lookup(path.Join(f.name, name)); n != nil && n.folder {
			kind = folderType
		}
		at := uint32(a[1]) + used
		mem.Write(at, make([]byte, record))
		mem.WriteUint64Le(at, 1)
		mem.WriteUint64Le(at+8, uint64(record*(f.at+1)))
		mem.WriteUint16Le(at+16, record)
		mem.WriteByte(at+18, kind)
		mem.WriteString(at+19, name[:min(len(name), 255)])
		used += record
	}
	return int32(used)
}

// flush puts what was written on the flash.
func (v *VM) flush(f *openFile) (errno uint64) {
	if f.changed {
		f.changed = false
		v.config.Flash.store(f.name, slices.Clone(f.data))
	}
	return 0
}

// vmFileImport serves WASI's calls on descriptors.
func vmFileImport(name string, _, _ []api.ValueType) hostFunc[*VM] {
	call, ok := map[string]func(v *VM, f *openFile, mem api.Memory, a []uint64) (errno uint64){
		"fd_close": func(v *VM, f *openFile, _ api.Memory, a []uint64) uint64 {
			delete(v.files.by, uint32(a[0]))
			return v.flush(f)
		},
		"fd_sync":  func(v *VM, f *openFile, _ api.Memory, _ []uint64) uint64 { return v.flush(f) },
		"fd_read":  func(_ *VM, f *openFile, mem api.Memory, a []uint64) uint64 { return f.read(mem, a) },
		"fd_write": func(v *VM, f *openFile, mem api.Memory, a []uint64) uint64 { return v.write(f, mem, a) },
		"fd_seek":  func(_ *VM, f *openFile, mem api.Memory, a []uint64) uint64 { return f.seek(mem, a) },
	}[name]
	if !ok {
		return nil
	}
	return func(ctx context.Context, v *VM, stack []uint64) {
		mem := v.module.Memory()
		fd := uint32(stack[0])
		f := v.files.by[fd]
		switch {
		case fd < 3:
			v.console(ctx, mem, name, stack)
			stack[0] = 0
		case f == nil:
			stack[0] = -badFile
		default:
			stack[0] = call(v, f, mem, stack)
		}
	}
}

// console is descriptors 0 to 2: the serial line, and all that is printed.
func (v *VM) console(ctx context.Context, mem api.Memory, name string, a []uint64) {
	switch name {
	case "fd_read":
		mem.WriteUint32Le(uint32(a[3]), v.readLine(ctx, mem, a))
	case "fd_write":
		var text []byte
		vectors(mem, uint32(a[1]), uint32(a[2]), func(b []byte) bool {
			text = append(text, b...)
			return true
		})
		mem.WriteUint32Le(uint32(a[3]), uint32(len(text)))
		v.config.Print(string(text))
	}
}

func (f *openFile) read(mem api.Memory, a []uint64) (errno uint64) {
	total := 0
	vectors(mem, uint32(a[1]), uint32(a[2]), func(b []byte) bool {
		n := copy(b, f.data[min(f.at, len(f.data)):])
		f.at += n
		total += n
		return n == len(b)
	})
	mem.WriteUint32Le(uint32(a[3]), uint32(total))
	return 0
}

func (v *VM) write(f *openFile, mem api.Memory, a []uint64) (errno uint64) {
	total := 0
	if f.append {
		f.at = len(f.data)
	}
	vectors(mem, uint32(a[1]), uint32(a[2]), func(b []byte) bool {
		total += len(b)
		return true
	})
	grows := max(total, f.at+total-len(f.data)) // more than is written when it was sought past the end
	switch {
	case !f.writing:
		return -badFile
	case (v.files.bytes()+grows)/flashBlock+v.config.Flash.blocks() > v.config.Flash.size():
		return -noSpace
	}
	vectors(mem, uint32(a[1]), uint32(a[2]), func(b []byte) bool {
		if need := f.at + len(b); need > len(f.data) {
			f.data = append(f.data, make([]byte, need-len(f.data))...)
		}
		copy(f.data[f.at:], b)
		f.at += len(b)
		return true
	})
	f.changed = true
	mem.WriteUint32Le(uint32(a[3]), uint32(total))
	return 0
}

// seek is fd_seek(fd, offset, whence, *position).
func (f *openFile) seek(mem api.Memory, a []uint64) (errno uint64) {
	from := [...]int{0, f.at, len(f.data)}[min(uint32(a[2]), 2)]
	f.at = min(max(from+int(int64(a[1])), 0), mostFile)
	mem.WriteUint64Le(uint32(a[3]), uint64(f.at))
	return 0
}
