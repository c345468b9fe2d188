//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/roost-iot/roost/micropython"
)

// pty gives a terminal's two ends: that of the board, and the name of the other.
func pty(t *testing.T) (board *os.File, name string) {
	t.Helper()
	board, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { board.Close() })
	raw, err := board.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	err = errors.Join(raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}), err)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	name = fmt.Sprintf("/dev/pts/%d", number)
	held, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0) // it stays while nobody else has it open
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	if _, err := term.MakeRaw(int(held.Fd())); err != nil {
		t.Fatal(err)
	}
	return board, name
}

// boardAt switches on a board with the real MicroPython, in the network of this machine.
func boardAt(t *testing.T, line *os.File, flash *micropython.Flash) {
	t.Helper()
	boardWith(t, line, flash, nil)
}

// boardWith is one with a partition, if rom is not nil: an ESP8266.
func boardWith(t *testing.T, line *os.File, flash *micropython.Flash, rom *micropython.ROM) {
	t.Helper()
	keepVM(t)
	up := make(chan struct{})
	var once sync.Once
	b, err := micropython.NewBoard(micropython.BoardConfig{
		Flash: flash, ROM: rom, Serial: line, Print: func(string) { once.Do(func() { close(up) }) },
		Dial: (&net.Dialer{}).DialContext,
		Listen: func(ctx context.Context, network, _ string) (net.Listener, error) {
			return (&net.ListenConfig{}).Listen(ctx, network, "127.0.0.1:0")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		line.Close()
		running.Wait()
	})
	select {
	case <-up:
	case <-time.After(4 * time.Minute):
		t.Fatal("the board says nothing")
	}
}

func TestInstallPutsFilesAndSettingsOntoABoard(t *testing.T) {
	if !micropython.Available() {
		t.Skip("built without MicroPython (tag vm)")
	}
	line, port := pty(t)
	flash := micropython.NewFlash(map[string]string{"/main.py": "print('old')\n"})
	boardAt(t, line, flash)
	dir := t.TempDir()
	for name, text := range map[string]string{"main.py": "import thing\nprint('it is', thing.name)\n", "thing.py": "name = 'new'\n", ".hidden": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, status := installing(t, "correct horse\n", "--port", port, "--files", dir, "--aid", "wzKZAlIJHmpyTbsBFdMyqF", "--wifi", "Home Net")
	if status != 0 || !strings.Contains(out, "2 files on the board") || !strings.Contains(out, "it is new") {
		t.Fatalf("status %d, %s", status, out)
	}
	if strings.Contains(out, "correct horse") {
		t.Error("the password is shown")
	}
	for name, want := range map[string]string{"/aid": "wzKZAlIJHmpyTbsBFdMyqF\n", "/wifi": "Home Net\ncorrect horse\n"} {
		if got, _ := flash.ReadFile(name); string(got) != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if _, there := flash.ReadFile("/.hidden"); there {
		t.Error("a hidden file went onto the board")
	}
	out, status = installing(t, "", "--port", port, "--configure")
	if status != 0 || !strings.Contains(out, "Home Net") || strings.Contains(out, "correct horse") {
		t.Errorf("status %d, %s", status, out)
	}
}

func TestInstallConsoleTalksToTheBoard(t *testing.T) {
	line, port := pty(t)
	answered := make(chan string, 1)
	go func() {
		buf := make([]byte, len("print(1)\r"))
		n, _ := io.ReadFull(line, buf)
		answered <- string(buf[:n])
	}()
	out, status := installing(t, "print(1)\r\x1d never sent", "--port", port, "--console")
	if status != 0 {
		t.Errorf("status %d, %s", status, out)
	}
	select {
	case heard := <-answered:
		if heard != "print(1)\r" {
			t.Errorf("the board heard %q", heard)
		}
	case <-time.After(time.Minute):
		t.Error("the board did not hear all of it")
	}
}
