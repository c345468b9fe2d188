//go:build darwin && !cgo

package install

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Ports lists the serial ports of this machine, by name. What hangs there macOS
// tells only to programs that are built with its own compiler; the names that
// its drivers give must do.
func Ports() ([]Port, error) {
	names, err := filepath.Glob("/dev/cu.*")
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	slices.Sort(names)
	var ports []Port
	for _, name := range names {
		p := Port{Name: name}
		switch {
		case strings.Contains(name, "Bluetooth"), strings.Contains(name, "debug-console"), strings.Contains(name, "wlan-debug"):
			continue
		case strings.Contains(name, "usbserial"), strings.Contains(name, "SLAB"), strings.Contains(name, "wchusbserial"):
			p.Chip = "USB to serial"
		case strings.Contains(name, "usbmodem"):
			p.Chip = "USB, perhaps the chip's own"
		}
		ports = append(ports, p)
	}
	return ports, nil
}
