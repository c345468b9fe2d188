package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/roost-iot/roost/install"
	"github.com/roost-iot/roost/wire/firmware"
)

// bootsel is what people do for their Pico to be a drive.
const bootsel = "hold its button BOOTSEL down, plug it in, let the button go: it is a drive then (RPI-RP2), which your system must mount"

// copyUF2 puts a firmware onto a Pico and gives the port that it comes back as, or
// "auto" if none is seen.
func (i installCmd) copyUF2(ctx context.Context, con console, before []install.Port) (port string, err error) {
	info, err := os.Stat(i.UF2)
	if err != nil {
		return "", err
	}
	if info.Size() > firmware.MaxSize {
		return "", fmt.Errorf("%s is larger than any flash", i.UF2)
	}
	file, err := os.ReadFile(i.UF2)
	if err != nil {
		return "", err
	}
	drive, err := i.drive()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(con.err, "Drive:  %s, an %s\n", drive.Path, drive.Chip)
	if err := install.CopyUF2(ctx, drive, file, newBar(con).named("copy").sent); err != nil {
		return "", err
	}
	fmt.Fprintln(con.out, "The firmware is on the board, which starts it now")
	return i.awaitPort(ctx, con, before)
}

func (i installCmd) drive() (install.Drive, error) {
	if i.Drive != "" {
		return install.DriveAt(i.Drive)
	}
	switch found := install.Drives(); len(found) {
	case 0:
		return install.Drive{}, errors.New("no Pico is a drive here: " + bootsel + "; if it is mounted elsewhere, say where with --drive")
	case 1:
		return found[0], nil
	default:
		return install.Drive{}, fmt.Errorf("%d boards are drives here (%s, %s); say which with --drive", len(found), found[0].Path, found[1].Path)
	}
}

// awaitPort waits for a serial port that was not there before.
func (i installCmd) awaitPort(ctx context.Context, con console, before []install.Port) (string, error) {
	if i.Port != "auto" {
		return i.Port, nil
	}
	ctx, enough := context.WithTimeout(ctx, i.AwaitPort)
	defer enough()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := install.Ports()
		if err != nil {
			return "", err
		}
		for _, p := range now {
			if !slices.Contains(before, p) {
				fmt.Fprintln(con.err, "It is back as", p.Name)
				return p.Name, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			fmt.Fprintln(con.err, "No new serial port was seen; roost install --list shows which there are.")
			return "auto", nil
		}
	}
}
