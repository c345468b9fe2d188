package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/roost-iot/roost/wire/agent"
)

type appKey struct {
	File string `arg:"" help:"Where the private key is written, for its owner alone; the public one goes beside it, FILE.pub." type:"path"`
}

// Run makes the pair of keys of who signs releases.
func (k appKey) Run(_ context.Context, con console) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	if err := writeNew(k.File+".pub", []byte(hex.EncodeToString(public)+"\n"), 0o644); err != nil {
		return err
	}
	if err := writeNew(k.File, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		_ = os.Remove(k.File + ".pub") // half a pair is of no use
		return err
	}
	fmt.Fprintf(con.out, "Private key: %s (keep it away from the server, and a copy in a safe place)\nPublic key:  %s.pub, for roost install --runtime --owner-key\nName:        %s\n", k.File, k.File, agent.OwnerName(public))
	return nil
}

// writeNew writes a file that is not there yet: nobody's key is overwritten.
func writeNew(name string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; no key is overwritten", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(name) // half of it is of no use, and in the way of the next try
	}
	return err
}

// readKey reads a private release key.
func readKey(name string) (ed25519.PrivateKey, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s is no private key in PEM; roost app key makes one", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the key in %s: %w", name, err)
	}
	private, is := key.(ed25519.PrivateKey)
	if !is {
		return nil, fmt.Errorf("the key in %s is no Ed25519 key; roost app key makes one", name)
	}
	return private, nil
}
