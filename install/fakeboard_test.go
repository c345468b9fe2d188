package install

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeBoard plays MicroPython's prompt. It runs no Python: it knows the calls
// that this package sends and keeps files as they would be.
type fakeBoard struct {
	t  *testing.T
	in *bufio.Reader
	io.Writer

	paste  string // how it takes raw paste: "yes", "no", "old"
	deaf   int    // interrupts that its program does not hear
	noise  string // what something else on it prints before every answer
	spoil  int    // chunks of which it loses a byte
	free   int64
	fs     string
	refuse string // statement that raises OSError 28
	about  []string
	rom    []byte // its partition; nil: none
	rots   int    // pieces of the partition of which a bit falls over
	runs   string // what of ours runs there: 0 nothing, 1 something, 2 with a watchdog
	caught string // what still runs after it was reset and interrupted
	// stubborn: that, although its main.py was out of the way
	stubborn bool

	mu    sync.Mutex
	files map[string][]byte
	dirs  map[string]bool
	open  string
	began bool // the helpers are there
	boots int
	soft  int // resets that came back to the raw prompt
	hard  int // resets of the chip
}

func playBoard(t *testing.T, b *fakeBoard) (*fakeBoard, *cable) {
	t.Helper()
	c := newCable(t)
	b.t, b.in, b.Writer = t, bufio.NewReader(c.up), c.down
	if b.files == nil {
		b.files = map[string][]byte{}
	}
	if b.paste == "" {
		b.paste = "yes"
	}
	if b.free == 0 {
		b.free = 1 << 20
	}
	if b.about == nil {
		b.about = []string{"micropython", "1.22.2", "esp32", "Generic ESP32 module with ESP32"}
	}
	if b.runs == "" {
		b.runs = "0"
	}
	b.dirs = map[string]bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.serve()
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return b, c
}

func (b *fakeBoard) say(s string) { _, _ = io.WriteString(b, s) }

// serve is the friendly prompt, of a board whose program may be running.
func (b *fakeBoard) serve() {
	b.say("I (1234) boot: noise before anything\r\n")
	for {
		c, err := b.in.ReadByte()
		if err != nil {
			return
		}
		switch {
		case string(c) == ctrlC:
			if b.deaf--; b.deaf < 0 {
				b.say("KeyboardInterrupt: \r\n>>> ")
			}
		case b.deaf >= 0 && b.deaf != 0:
		case string(c) == ctrlA:
			b.say("\r\n" + rawPrompt)
			if !b.raw() {
				return
			}
		case string(c) == ctrlD:
			b.boots++
			b.began = false
			b.say("\r\nMPY: soft reboot\r\nhello from boot.py\r\n>>> ")
		}
	}
}

// raw is the raw prompt; false when the line is gone.
func (b *fakeBoard) raw() bool {
	var line []byte
	for {
		c, err := b.in.ReadByte()
		if err != nil {
			return false
		}
		switch string(c) {
		case ctrlA:
			b.say(rawPrompt)
			line = nil
		case ctrlB:
			b.say("\r\nMicroPython v1.22.2; fake\r\n>>> ")
			return true
		case ctrlC, "\r":
			line = nil
		case ctrlE:
			next, _ := b.in.Peek(2)
			if string(next) != "A"+ctrlA || len(line) > 0 {
				break
			}
			switch b.paste {
			case "no":
				_, _ = b.in.Discard(2)
				b.say("R\x00")
			case "yes":
				_, _ = b.in.Discard(2)
				source, ok := b.takePaste()
				if !ok {
					return false
				}
				b.answer(source)
				if strings.HasSuffix(source, chipReset) {
					return true
				}
			default: // "old": it sees an unknown character, an A, and the wish for the raw prompt
			}
		case ctrlD:
			b.say("OK")
			if len(line) == 0 {
				b.soft++
				b.began, b.runs = false, "0"
				b.say("\r\nMPY: soft reboot\r\nhello from boot.py\r\n" + rawPrompt)
				continue
			}
			b.answer(string(line))
			if strings.HasSuffix(string(line), chipReset) {
				return true
			}
			line = nil
		default:
			line = append(line, c)
		}
	}
}

// takePaste has a small window, and counts that nobody writes beyond it.
func (b *fakeBoard) takePaste() (string, bool) {
	const window = 32
	b.say("R\x01" + string([]byte{window, 0, 1}))
	var source []byte
	for room := 2 * window; ; room-- {
		c, err := b.in.ReadByte()
		if err != nil {
			return "", false
		}
		if string(c) == ctrlD {
			b.say(ctrlD)
			return string(source), true
		}
		if room == 0 {
			b.t.Error("more than a window ahead of the credits")
		}
		source = append(source, c)
		if len(source)%window == 0 {
			b.say("\x01")
			room += window
		}
	}
}

func (b *fakeBoard) answer(source string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasSuffix(source, chipReset) {
		b.hard++
		b.began = false
		if b.runs = b.caught; strings.HasPrefix(source, setAside) && !b.stubborn {
			b.runs = "1"
		}
		b.say("\x00\xff\x8c rubbish at another rate\r\n")
		return
	}
	b.say(b.noise)
	out, raised := b.run(source)
	b.say(out + ctrlD + raised + ctrlD + ">")
}

var statement = regexp.MustCompile(`^(_\w+)\((.*)\)$`)

func said(lines ...any) string {
	text := make([]string, len(lines))
	for i, l := range lines {
		text[i] = fmt.Sprint(l)
	}
	return "\x02" + strings.Join(text, "\r\n") + "\x03"
}

const noSuchFile = "Traceback (most recent call last):\r\n  File \"<stdin>\", line 1, in <module>\r\nOSError: [Errno 2] ENOENT\r\n"

// run does one of the calls; what it raises is a traceback.
func (b *fakeBoard) run(source string) (out, raised string) {
	if word, is := strings.CutPrefix(source, "print('"); is {
		return strings.TrimSuffix(word, "')") + "\r\n", ""
	}
	switch source {
	case whatRuns:
		return said(b.about[2], b.runs), ""
	case helpers:
		b.began = true
		return "", ""
	case moreHelpers, romHelpers, putBack:
		return "", ""
	}
	m := statement.FindStringSubmatch(source)
	if m == nil || !b.began {
		return "", "NameError: name isn't defined\r\n"
	}
	if b.refuse != "" && strings.HasPrefix(source, b.refuse) {
		return "", "Traceback (most recent call last):\r\nOSError: 28\r\n"
	}
	var args []string
	for _, a := range strings.Split(m[2], ", ") {
		args = append(args, strings.Trim(strings.TrimPrefix(a, "b'"), "'"))
	}
	switch m[1] {
	case "_about":
		return said(b.about[0], b.about[1], b.about[2], b.about[3]), ""
	case "_more":
		return said(6, 4<<20, "a0b1c2d3e4f5", 0), ""
	case "_fs":
		return said(b.fs), ""
	case "_free":
		return said(b.free, 2<<20), ""
	case "_sha":
		data, there := b.files[plain(args[0])]
		if !there {
			return said("-"), ""
		}
		return said(len(data), fmt.Sprintf("%x", sha256.Sum256(data))), ""
	case "_cat":
		data, there := b.files[plain(args[0])]
		if !there {
			return said("-"), ""
		}
		return said("+" + base64.StdEncoding.EncodeToString(data)), ""
	case "_tree":
		var names []any
		for name := range b.files {
			if strings.HasPrefix("/"+name, args[0]+"/") {
				names = append(names, "/"+name)
			}
		}
		return said(names...), ""
	case "_cp":
		b.files[plain(args[1])] = b.files[plain(args[0])]
	case "_romsize", "_romsum", "_romerase", "_romw", "_romend":
		return b.partition(m[1], args)
	case "_put":
		if dir := path.Dir(args[0]); dir != "." && !b.dirs[dir] {
			return "", noSuchFile
		}
		b.open = plain(args[0])
		b.files[b.open] = nil
	case "_w":
		data, err := base64.StdEncoding.DecodeString(args[0])
		if err != nil {
			return "", "ValueError: incorrect padding\r\n"
		}
		if b.spoil--; b.spoil >= 0 {
			data = data[1:]
		}
		b.files[b.open] = append(b.files[b.open], data...)
	case "_end":
	case "_mv":
		b.files[plain(args[1])] = b.files[plain(args[0])]
		delete(b.files, plain(args[0]))
	case "_rm":
		delete(b.files, plain(args[0]))
	case "_mkdir":
		b.dirs[args[0]] = true
	case "_line":
		data, there := b.files[args[0]]
		if !there {
			return said("-"), ""
		}
		lines := append(bytes.Split(data, []byte("\n")), nil, nil)
		return said("+" + strings.TrimSpace(string(lines[args[1][0]-'1']))), ""
	default:
		return "", "NameError: name '" + m[1] + "' isn't defined\r\n"
	}
	return "", ""
}

// content is a file of the board, once the test and the board are in step.
func (b *fakeBoard) content(name string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, there := b.files[name]
	return string(data), there
}

func plain(name string) string { return strings.TrimPrefix(name, "/") }

// partition is flash: erased by sectors, to ones; written by words, which makes zeros.
func (b *fakeBoard) partition(what string, args []string) (out, raised string) {
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.t.Errorf("%s(%v)", what, args)
		}
		return n
	}
	switch what {
	case "_romsize":
		if b.rom == nil {
			return said(-1), ""
		}
		return said(len(b.rom)), ""
	case "_romsum":
		return said(fmt.Sprintf("%x", sha256.Sum256(b.rom[:number(args[0])]))), ""
	case "_romerase":
		for i := range b.rom[:(number(args[0])+sector-1)/sector*sector] {
			b.rom[i] = 0xff
		}
		return said(4), ""
	case "_romw":
		data, err := base64.StdEncoding.DecodeString(args[1])
		if at := number(args[0]); err == nil && at%4 == 0 && len(data)%4 == 0 {
			if b.rots--; b.rots >= 0 {
				data[1] ^= 0x10
			}
			for i, c := range data {
				b.rom[at+i] &= c
			}
			return "", ""
		}
		return "", "OSError: 22\r\n"
	}
	return "", ""
}
