//go:build !darwin || cgo

package install

import (
	"cmp"
	"fmt"
	"slices"

	"go.bug.st/serial/enumerator"
)

// Ports lists the serial ports of this machine, by name.
func Ports() ([]Port, error) {
	found, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil, fmt.Errorf("list serial ports: %w", err)
	}
	ports := make([]Port, 0, len(found))
	for _, f := range found {
		p := Port{Name: f.Name}
		if f.IsUSB {
			p.Vendor, p.Product, p.Serial = f.VID, f.PID, f.SerialNumber
		}
		ports = append(ports, named(p))
	}
	slices.SortFunc(ports, func(a, b Port) int { return cmp.Compare(a.Name, b.Name) })
	return ports, nil
}
