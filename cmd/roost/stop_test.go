package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whoever stops a server while it starts is obeyed: that is no fault to be told.
func TestServersMayBeStoppedWhileTheyStart(t *testing.T) {
	keys := keyFile(t)
	for name, args := range map[string][]string{
		"serve":     {"--http", "127.0.0.1:0", "--coap", "off", "--mqtt", "127.0.0.1:0", "--mqttsn", "off", "--key-file", keys},
		"demo":      {"--http", "127.0.0.1:0", "--coap", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--mqttsn", "127.0.0.1:0"},
		"gateway":   {"--hub", "ws://127.0.0.1:1", "--doors", "ws", "--http", "127.0.0.1:0", "--key-file", keys},
		"dashboard": {"--http", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "dashboard" {
				args = append(args, "--data", filepath.Join(t.TempDir(), "data"))
			}
			stopped, stop := context.WithCancel(t.Context())
			stop()
			out, errs := newScreen(), newScreen()
			status := run(stopped, append([]string{name}, args...), console{out: out, err: errs})
			if status != 0 || strings.Contains(errs.String(), "roost:") || strings.Contains(errs.String(), "level=ERROR") {
				t.Errorf("status %d:\n%s", status, errs)
			}
		})
	}
}

// mute is an input at which nobody types; asked is closed when somebody waits for it.
type mute struct{ asked, never chan struct{} }

func (m mute) Read([]byte) (int, error) {
	close(m.asked)
	<-m.never
	return 0, io.EOF
}

func TestStoppedWhileItWaitsForAnAnswer(t *testing.T) {
	for _, args := range [][]string{{"user", "add", "anna"}, {"thing", "shell", "lamp"}} {
		in := mute{make(chan struct{}), make(chan struct{})}
		t.Cleanup(func() { close(in.never) })
		ctx, stop := context.WithCancel(t.Context())
		status := make(chan int, 1)
		args = append(args, "--server", "http://127.0.0.1:1", "--token", "rst_none")
		go func() { status <- run(ctx, args, console{out: io.Discard, err: io.Discard, in: in}) }()
		<-in.asked
		stop()
		select {
		case got := <-status:
			if got != 1 {
				t.Errorf("%v: status %d", args, got)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%v does not end", args)
		}
	}
}
