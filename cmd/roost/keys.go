package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/roost-iot/roost/wire/pyaiot"
)

type keysCmd struct {
	Generate keysGenerate `cmd:"" help:"Make a new key file, to be shared by Roost and its gateways."`
	Ls       keysLs       `cmd:"" help:"List far gateways and their keys."`
	New      keysNew      `cmd:"" help:"Make a key for one far gateway and print its key file, once."`
	Rm       keysRm       `cmd:"" help:"Revoke the key of a far gateway: it is cut off at once."`
}

type keysGenerate struct {
	KeyFile string `help:"Where to write it." default:"~/.pyaiot/keys"`
	Force   bool   `help:"Replace the file if there is one: gateways with the old keys are then refused." env:"-"`
}

// Run writes the file and, as Pyaiot's own tool does, prints both keys.
func (g keysGenerate) Run(c console) error {
	path, err := pyaiot.ExpandPath(g.KeyFile)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	keys := pyaiot.GenerateKeys()
	err = keys.Save(path, g.Force)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and gateways may use it; --force replaces it", path)
	}
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	return printKeys(c.out, path, keys)
}

func printKeys(out io.Writer, path string, keys pyaiot.Keys) error {
	_, err := fmt.Fprintf(out, "Wrote %s\nsecret = %s\nprivate = %s\n", path, keys.Secret, base64.URLEncoding.EncodeToString(keys.Private[:]))
	return err
}
