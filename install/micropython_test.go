package install

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// boardEnd is the board's end of a cable.
type boardEnd struct {
	io.Reader
	io.Writer
	io.Closer
}

// realPython puts a board that runs the real MicroPython at the end of a cable.
func realPython(t *testing.T, flash *micropython.Flash) *cable {
	t.Helper()
	return realBoard(t, flash, nil)
}

// realBoard is one with a partition, if rom is not nil: an ESP8266.
func realBoard(t *testing.T, flash *micropython.Flash, rom *micropython.ROM) *cable {
	t.Helper()
	if !micropython.Available() {
		t.Skip("built without MicroPython (tag vm)")
	}
	release, err := micropython.Keep(t.Context()) // a slow machine may take minutes for it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	c := newCable(t)
	b, err := micropython.NewBoard(micropython.BoardConfig{Flash: flash, ROM: rom, Serial: boardEnd{c.up, c.down, c}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the board ended: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		c.Close()
		running.Wait()
	})
	w := wire{line: c}
	if up, err := w.fill(t.Context(), 4*time.Minute); err != nil || !up {
		t.Fatalf("the board says nothing: %v", err)
	}
	return c
}

func TestRealMicroPython(t *testing.T) {
	realPython(t, nil) // its machine code serves the others, too
	t.Run("files", realMicroPythonTakesFiles)
	t.Run("settings", realMicroPythonTakesSettings)
	t.Run("without raw paste", realMicroPythonWithoutRawPaste)
}

func realMicroPythonTakesFiles(t *testing.T) {
	flash := micropython.NewFlash(map[string]string{
		"/main.py": "import time\nprint('busy')\nwhile True:\n time.sleep(1)\n", // a program that must be interrupted
		"/old.py":  "old = 1\n",
		"/same.py": "same = 1\n",
	})
	board := open(t, realPython(t, flash))
	if a := board.About(); a.Implementation != "micropython" || a.Version == "" {
		t.Errorf("about = %+v", a)
	}
	files := Files{
		"old.py": []byte("new = 2\n"), "same.py": []byte("same = 1\n"), "all.bin": randomly(5000), "empty": {},
		"lib/deep/x.py": []byte("x = 'ü'\n"), "main.py": []byte("import old\nprint('it is', old.new)\n"),
	}
	var sent []string
	err := board.Install(t.Context(), files, Progress{File: func(name string, _ int, same bool) {
		if !same {
			sent = append(sent, name)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(sent) != len(files)-1 || sent[len(sent)-1] != "main.py" {
		t.Errorf("sent: %v", sent)
	}
	for name, want := range files {
		if got, there := flash.ReadFile("/" + name); !there || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes on the board, %d wanted", name, len(got), len(want))
		}
	}
	var log strings.Builder
	ctx, heard := context.WithCancel(t.Context())
	defer heard()
	err = board.Restart(ctx, time.Minute, time.Minute, func(text []byte) {
		if log.Write(text); strings.Contains(log.String(), "it is 2") {
			heard()
		}
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "it is 2") {
		t.Errorf("after the restart it says %q", log.String())
	}
}

func realMicroPythonTakesSettings(t *testing.T) {
	flash := micropython.NewFlash(map[string]string{"/apn": "x\n"})
	board := open(t, realPython(t, flash))
	want := Settings{"aid": "wzKZAlIJHmpyTbsBFdMyqF", "wifi": "Heim 'Netz'", "password": `pä\ss"word`, "apn": ""}
	if err := board.Configure(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, _ := flash.ReadFile("/wifi"); string(got) != "Heim 'Netz'\npä\\ss\"word\n" {
		t.Errorf("wifi is %q", got)
	}
	have, err := board.Settings(t.Context())
	if err != nil || have["aid"] != want["aid"] || have["password"] != "set" || have["apn"] != "" {
		t.Errorf("settings %v, %v", have, err)
	}
	if _, err := board.exec(t.Context(), "raise ValueError('no')"); err == nil || !strings.Contains(err.Error(), "ValueError: no") {
		t.Errorf("err = %v", err)
	}
}

func realMicroPythonWithoutRawPaste(t *testing.T) {
	flash := micropython.NewFlash(nil)
	c := realPython(t, flash)
	board := &Board{repl: repl{wire: wire{line: c}, noPaste: true}}
	if err := board.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := board.exec(t.Context(), helpers); err != nil {
		t.Fatal(err)
	}
	if err := board.WriteFile(t.Context(), "a.bin", randomly(2000), nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := flash.ReadFile("/a.bin"); !bytes.Equal(got, randomly(2000)) {
		t.Error("the file is wrong")
	}
}
