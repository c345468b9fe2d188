package micropython

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Flash is the file system of a board, kept in memory: it outlives the
// instances that run over it. Names are absolute ("/main.py").
type Flash struct {
	// Before, if set, is told of every change before it is made: "write",
	// "remove", "mkdir" or "rename" of a name, and "erase" or "write" of "rom", the
	// partition. An error is a power cut: the change is not made and the instance
	// ends with it. Set it before the first instance runs.
	Before func(change, name string) error
	// Size is how many bytes it holds, in blocks of 4096; each file and folder
	// takes one at least. 0: 2 MB. Set it before the first instance runs.
	Size int
	// Now stamps files; nil is time.Now.
	Now func() time.Time

	mu    sync.Mutex
	nodes map[string]*node
	made  int // changes
	cut   cut
}

// node is a file or a folder; a file's data is replaced whole, never changed.
type node struct {
	data     []byte
	folder   bool
	modified time.Time
}

// NewFlash gives an empty flash, or one with the files of the map in it.
func NewFlash(files map[string]string) *Flash {
	f := &Flash{nodes: map[string]*node{"/": {folder: true}}}
	for name, text := range files {
		f.WriteFile(name, []byte(text))
	}
	return f
}

// WriteFile puts a file there from outside, with the folders it needs; Before
// is not asked.
func (f *Flash) WriteFile(name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name = absolute("/", name)
	for dir := path.Dir(name); f.nodes[dir] == nil; dir = path.Dir(dir) {
		f.nodes[dir] = &node{folder: true, modified: f.now()}
	}
	f.nodes[name] = &node{data: slices.Clone(data), modified: f.now()}
}

// RemoveFile takes a file away from outside; Before is not asked.
func (f *Flash) RemoveFile(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nodes[absolute("/", name)]; n != nil && !n.folder {
		delete(f.nodes, absolute("/", name))
	}
}

// ReadFile gives a file's content; false if there is none of that name.
func (f *Flash) ReadFile(name string) ([]byte, bool) {
	n := f.node(absolute("/", name))
	if n == nil || n.folder {
		return nil, false
	}
	return slices.Clone(n.data), true
}

// Files lists all files, sorted.
func (f *Flash) Files() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name, n := range f.nodes {
		if !n.folder {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Copy is what a power cut leaves: the same files on another flash.
func (f *Flash) Copy() *Flash {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Flash{nodes: maps.Clone(f.nodes), Now: f.Now, Size: f.Size}
}

func (f *Flash) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

func (f *Flash) node(name string) *node {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nodes[name]
}

// blocks counts what is taken: one for each file and folder, and more for what
// is longer than a block.
func (f *Flash) blocks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := 0
	for _, n := range f.nodes {
		taken += 1 + max(0, len(n.data)-1)/flashBlock
	}
	return taken
}

// children lists the names in a folder, sorted.
func (f *Flash) children(folder string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name := range f.nodes {
		if name != "/" && path.Dir(name) == folder {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names
}

// change makes a change that the program asked for. A power cut panics with
// Before's error, which ends the instance.
func (f *Flash) change(what, name string, do func(nodes map[string]*node)) {
	f.changeOrTear(what, name, do, nil)
}

// changeOrTear is change with what a torn change leaves; nil: nothing.
func (f *Flash) changeOrTear(what, name string, do, tear func(nodes map[string]*node)) {
	if f.Before != nil {
		if err := f.Before(what, name); err != nil {
			panic(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	if f.cut.at == 0 || f.made != f.cut.at {
		do(f.nodes)
		return
	}
	how := f.cut.how
	f.cut = cut{}
	switch {
	case how == CutAfter:
		do(f.nodes)
	case how == CutTorn && tear != nil:
		tear(f.nodes)
	}
	panic(ErrPowerCut)
}

func (f *Flash) store(name string, data []byte) {
	write := func(data []byte) func(map[string]*node) {
		return func(nodes map[string]*node) { nodes[name] = &node{data: data, modified: f.now()} }
	}
	f.changeOrTear("write", name, write(data), write(data[:len(data)/2]))
}

func (f *Flash) remove(name string) {
	f.change("remove", name, func(nodes map[string]*node) { delete(nodes, name) })
}

func (f *Flash) makeFolder(name string) {
	f.change("mkdir", name, func(nodes map[string]*node) {
		nodes[name] = &node{folder: true, modified: f.now()}
	})
}

// rename moves a file, or a folder with all that is in it, in one step.
func (f *Flash) rename(from, to string) {
	f.change("rename", from, func(nodes map[string]*node) {
		for name, n := range maps.Clone(nodes) {
			if name == from || strings.HasPrefix(name, from+"/") {
				delete(nodes, name)
				nodes[to+name[len(from):]] = n
			}
		}
	})
}

func absolute(folder, name string) string {
	if !strings.HasPrefix(name, "/") {
		name = folder + "/" + name
	}
	return path.Clean(name)
}
