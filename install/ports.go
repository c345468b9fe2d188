package install

import (
	"errors"
	"fmt"
	"strings"
)

// Port is a serial port of this machine.
type Port struct {
	Name string `json:"name"` // /dev/ttyUSB0, /dev/cu.usbserial-10, COM3
	// USB ids, four upper-case hexadecimal digits each; "" if it is no USB port
	// or the system does not say.
	Vendor  string `json:"vendor,omitempty"`
	Product string `json:"product,omitempty"`
	Serial  string `json:"serial,omitempty"`
	// Chip says in words what is at the other end of the USB cable; "" if unknown.
	Chip string `json:"chip,omitempty"`
}

// makers of what boards have at their USB port. The bridges carry a UART; the
// others are a processor's own USB.
var makers = []struct {
	vendor, product string // product "": any
	chip            string
	bridge          bool
}{
	{"10C4", "EA60", "Silicon Labs CP2102/CP2104", true},
	{"10C4", "EA70", "Silicon Labs CP2105", true},
	{"10C4", "EA71", "Silicon Labs CP2108", true},
	{"1A86", "7523", "WCH CH340", true},
	{"1A86", "5523", "WCH CH341", true},
	{"1A86", "55D4", "WCH CH9102", true},
	{"1A86", "55D3", "WCH CH343", true},
	{"1A86", "", "WCH", true},
	{"0403", "6001", "FTDI FT232R", true},
	{"0403", "6010", "FTDI FT2232", true},
	{"0403", "6014", "FTDI FT232H", true},
	{"0403", "6015", "FTDI FT231X", true},
	{"0403", "", "FTDI", true},
	{"067B", "2303", "Prolific PL2303", true},
	{"067B", "", "Prolific PL2303", true},
	{"10C4", "", "Silicon Labs CP210x", true},
	{"303A", "1001", "Espressif, the chip's own USB (serial and JTAG)", false},
	{"303A", "", "Espressif, the chip's own USB", false},
	{"2E8A", "0005", "Raspberry Pi Pico with MicroPython", false},
	{"2E8A", "", "Raspberry Pi Pico", false},
	{"F055", "", "MicroPython board", false},
}

// maker gives the words for a port and whether it is a bridge to a UART.
func (p Port) maker() (chip string, bridge, known bool) {
	for _, m := range makers {
		if m.vendor == p.Vendor && (m.product == "" || m.product == p.Product) {
			return m.chip, m.bridge, true
		}
	}
	return "", false, false
}

// bridge tells whether a UART is behind the port, with DTR and RTS wired to pins
// of the chip. What is no USB port is taken for one.
func (p Port) bridge() bool {
	_, bridge, known := p.maker()
	return bridge || !known && p.Vendor == ""
}

// Native tells whether the port is the Espressif chip's own USB.
func (p Port) Native() bool { return p.Vendor == "303A" }

// named fills in what the ids say.
func named(p Port) Port {
	p.Vendor, p.Product = strings.ToUpper(p.Vendor), strings.ToUpper(p.Product)
	p.Chip, _, _ = p.maker()
	return p
}

// Choose finds the port that is meant: by its name, or with "auto" or "" the only
// one that looks like a board.
func Choose(name string, ports []Port) (Port, error) {
	if name != "" && name != "auto" {
		for _, p := range ports {
			if p.Name == name {
				return p, nil
			}
		}
		return Port{Name: name}, nil // a link, or one that the system does not list
	}
	for _, likely := range []func(Port) bool{
		func(p Port) bool { return p.Chip != "" },
		func(p Port) bool { return p.Vendor != "" },
	} {
		var found []Port
		for _, p := range ports {
			if likely(p) {
				found = append(found, p)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return Port{}, fmt.Errorf("%d boards are plugged in (%s); say which with --port", len(found), portNames(found))
		}
	}
	if len(ports) == 0 {
		return Port{}, errors.New("no serial port here; plug the board in with a cable that carries data, not only power")
	}
	return Port{}, fmt.Errorf("none of the ports looks like a board (%s); say which with --port", portNames(ports))
}

func portNames(ports []Port) string {
	names := make([]string, 0, len(ports))
	for _, p := range ports {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
