package micropython

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

const invalidSyntax = "invalid syntax"

// compile compiles source; fault says why it cannot be. An error means that
// the instance is of no more use.
func (x *cross) compile(ctx context.Context, name string, source []byte) (mpy []byte, fault *SyntaxError, err error) {
	mpy, said, err := x.run(ctx, plainName(name), source)
	if err != nil || mpy != nil {
		return mpy, nil, err
	}
	fault = readFault(name, said, lines(source))
	if fault.Text == invalidSyntax && fault.Line > 1 {
		fault.Line, err = x.blame(ctx, source, fault.Line)
	}
	return nil, fault, err
}

// blame finds the line that a person would call wrong. MicroPython counts the
// end of a line as part of the next line that holds anything, so it names that
// one for a missing colon. The line before is to blame if, ended there, it can
// be followed neither by nothing nor by a block.
func (x *cross) blame(ctx context.Context, source []byte, line int) (int, error) {
	head := bytes.SplitAfterN(source, []byte("\n"), line)
	head = head[:min(line-1, len(head))]
	for len(head) > 0 && blank(head[len(head)-1]) {
		head = head[:len(head)-1]
	}
	if len(head) == 0 {
		return line, nil
	}
	last := head[len(head)-1]
	block := append(bytes.Clone(last[:len(last)-len(bytes.TrimLeft(last, " \t"))]), "        pass\n"...)
	for _, tail := range [][]byte{nil, block} {
		tried := append(bytes.Join(head, nil), tail...)
		mpy, said, err := x.run(ctx, "tried.py", tried)
		if err != nil {
			return line, err
		}
		if mpy != nil || readFault("", said, line).Text != invalidSyntax {
			return line, nil
		}
	}
	return len(head), nil
}

// blank reports whether a line holds nothing, or a comment.
func blank(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

// plainName is a file name that fits on a command line.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' {
			return '?'
		}
		return r
	}, name)
	if name == "" || len(name) > 200 {
		return "file.py"
	}
	return name
}

// crashed says what a source did to the compiler: nothing of it concerns others.
func crashed(name string, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &SyntaxError{File: name, Text: "takes too long to compile"}
	}
	return &SyntaxError{File: name, Text: "too large or too deeply nested to compile"}
}

var (
	faultLine = regexp.MustCompile(`(?m)^  File ".*", line (\d+)`)
	faultText = regexp.MustCompile(`(?m)^([A-Za-z]+(?:Error|Exception)): ?(.*)$`)
)

// readFault reads mpy-cross' words:
//
//	Traceback (most recent call last):
//	  File "worker_task.py", line 3
//	SyntaxError: invalid syntax
//
// It names the line after the last one when something is missing at the end.
func readFault(name, said string, lines int) *SyntaxError {
	fault := &SyntaxError{File: name, Text: strings.TrimSpace(said)}
	if m := faultLine.FindStringSubmatch(said); m != nil {
		fault.Line, _ = strconv.Atoi(m[1])
		fault.Line = min(fault.Line, lines)
	}
	if m := faultText.FindStringSubmatch(said); m != nil {
		fault.Text = m[2]
		switch {
		case m[1] == "MemoryError":
			fault.Text = "too large to compile: " + m[2]
		case m[2] == "":
			fault.Text = m[1]
		}
	}
	if fault.Text == "" {
		fault.Text = "does not compile"
	}
	return fault
}

// lines counts the lines of a file, 1 for an empty one.
func lines(source []byte) int {
	n := bytes.Count(source, []byte("\n"))
	if !bytes.HasSuffix(source, []byte("\n")) {
		n++
	}
	return max(n, 1)
}
