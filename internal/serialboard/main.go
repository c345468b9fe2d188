// Serialboard is a board with the real MicroPython whose serial line is this
// process' standard input and output: what a browser test puts at the end of a
// port. It reaches this machine and nothing else. Built with -tags vm. "-chip
// esp8266" makes it one with a partition to run from.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"

	"github.com/roost-iot/roost/micropython"
)

func main() {
	chip := flag.String("chip", "esp32", "esp32 or esp8266")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *chip)
	stop()
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "serialboard:", err)
		os.Exit(1)
	}
}

// run ends when its input does.
func run(ctx context.Context, chip string) error {
	var rom *micropython.ROM
	if chip == "esp8266" {
		rom = micropython.NewROM(0, nil)
	}
	ctx, off := context.WithCancel(ctx)
	defer off()
	board, err := micropython.NewBoard(micropython.BoardConfig{
		ROM:    rom,
		Serial: &line{Reader: os.Stdin, Writer: os.Stdout, over: off},
		Dial:   dial,
		Listen: listen,
	})
	if err != nil {
		return err
	}
	return board.Run(ctx)
}

// line is the serial line. The board goes off when nobody is there any more.
type line struct {
	io.Reader
	io.Writer
	over context.CancelFunc
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil {
		l.over()
	}
	return n, err
}

func (l *line) Close() error { return os.Stdin.Close() }

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, _, err := net.SplitHostPort(address); err != nil || !here(host) {
		return nil, fmt.Errorf("%s is not on this machine", address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func here(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// listen takes any free port: those that a board wants are taken or not ours to take.
func listen(ctx context.Context, network, _ string) (net.Listener, error) {
	var l net.ListenConfig
	return l.Listen(ctx, network, "127.0.0.1:0")
}
