package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/roost-iot/roost/install"
)

// mostFirmware is more than any flash has, bytes.
const mostFirmware = 64 << 20

// flash writes the firmware and starts it.
func (i installCmd) flash(ctx context.Context, con console, port install.Port, line install.Line) error {
	if port.Native() {
		return errors.New("this port is the chip's own USB, over which its loader must be spoken to in another way than roost does; use the port of the board that is marked UART, or esptool")
	}
	info, err := os.Stat(i.Flash)
	if err != nil {
		return err
	}
	if info.Size() > mostFirmware {
		return fmt.Errorf("%s is larger than any flash", i.Flash)
	}
	firmware, err := os.ReadFile(i.Flash)
	if err != nil {
		return err
	}
	loader, err := install.OpenLoader(ctx, line, i.Chip)
	if err != nil {
		return err
	}
	size := "that does not tell its size"
	if n := loader.FlashSize(); n > 0 {
		size = fmt.Sprintf("of %d kB", n>>10)
	}
	fmt.Fprintf(con.err, "Chip:   %s, with a flash %s\n", loader.Chip(), size)
	if i.Runtime && i.Profile != "lean" && loader.Chip() == "esp8266" && !install.HasROM(firmware) {
		return fmt.Errorf("%s has no partition that the runtime could run from on an ESP8266; take %s-….bin from micropython.org/download/ESP8266_GENERIC. Nothing was written", i.Flash, install.ROMFirmware)
	}
	if err := loader.SetRate(ctx, i.Baud); err != nil {
		return err
	}
	verified, err := loader.Flash(ctx, firmware, install.Flashing{Erase: i.Erase, Erased: newBar(con).named("erase").sent, Sent: newBar(con).named("write").sent})
	if err != nil {
		return err
	}
	if verified {
		fmt.Fprintln(con.out, "The firmware is on the flash, whole: its checksum is that of the file")
	} else {
		fmt.Fprintln(con.out, "The firmware is on the flash; this chip checks piece by piece only and gives no checksum of the whole")
	}
	if err := line.SetBaud(install.Usual); err != nil {
		return fmt.Errorf("change the rate: %w", err)
	}
	if err := loader.Reset(ctx); err != nil {
		return err
	}
	fmt.Fprintln(con.err, "The chip was reset. If the board stays silent, press its button RESET (EN).")
	return nil
}
