package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/roost-iot/roost/install"
)

// bar shows how an installation goes: on a terminal a line that fills up, else
// a line a file.
type bar struct {
	w    io.Writer
	live bool
	name string
}

func newBar(con console) *bar { return &bar{w: con.err, live: isTerminal(con.err)} }

// named is for what is not a file.
func (b *bar) named(name string) *bar {
	b.name = name
	return b
}

func (b *bar) progress() install.Progress {
	return install.Progress{File: b.file, Sent: b.sent}
}

func (b *bar) file(name string, size int, same bool) {
	b.name = name
	switch {
	case same && !b.live:
		fmt.Fprintf(b.w, "  %s (is there)\n", name)
	case !same && !b.live:
		fmt.Fprintf(b.w, "  %s, %d bytes\n", name, size)
	}
}

func (b *bar) sent(done, all int64) {
	if !b.live || all == 0 {
		return
	}
	const width = 30
	full := int(done * width / all)
	fmt.Fprintf(b.w, "\r[%s%s] %3d%% %-24.24s", strings.Repeat("#", full), strings.Repeat(".", width-full), done*100/all, b.name)
	if done == all {
		fmt.Fprintln(b.w)
	}
}
