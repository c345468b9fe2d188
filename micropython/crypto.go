package micropython

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" // boards have it, and protocols want it
	"crypto/sha1"
	"errors"
	"hash"
)

// cryptoFunctions are what hashlib.py and cryptolib.py ask for; hashes and
// ciphers are Go's objects, which Python holds.
var cryptoFunctions = map[string]Func{
	"hash": func(_ context.Context, args []any) (any, error) {
		if name, _ := args[0].(string); name == "md5" {
			return md5.New(), nil
		}
		return sha1.New(), nil
	},
	"hash_update": func(ctx context.Context, args []any) (any, error) {
		h, _ := args[0].(hash.Hash)
		data, err := bytesAt(ctx, args, 1)
		if h != nil && err == nil {
			h.Write(data)
		}
		return nil, err
	},
	"hash_digest": func(ctx context.Context, args []any) (any, error) {
		h, _ := args[0].(hash.Hash)
		out, err := bytesAt(ctx, args, 1)
		if h != nil && err == nil {
			copy(out, h.Sum(nil))
		}
		return nil, err
	},
	"cipher": func(ctx context.Context, args []any) (any, error) { // (key, length, mode, iv)
		key, err := bytesAt(ctx, args, 0)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil || number(args, 2) == 1 {
			return block, err
		}
		iv, err := bytesAt(ctx, []any{args[3], aes.BlockSize}, 0)
		return &chain{block: block, last: [aes.BlockSize]byte(iv)}, err
	},
	"cipher_run": func(ctx context.Context, args []any) (any, error) { // (cipher, address, length, decrypt)
		data, err := bytesAt(ctx, args, 1)
		if err != nil {
			return nil, err
		}
		return nil, runCipher(args[0], data, number(args, 3) != 0)
	},
}

var errBuffer = errors.New("a buffer lies outside of the board's memory")

// bytesAt is the memory that args[i] and its length name.
func bytesAt(ctx context.Context, args []any, i int) ([]byte, error) {
	v := ctx.Value(instanceKey{}).(*VM)
	b, ok := v.module.Memory().Read(uint32(number(args, i)), uint32(number(args, i+1)))
	if !ok {
		return nil, errBuffer
	}
	return b, nil
}

// chain is CBC, which goes on from call to call.
type chain struct {
	block cipher.Block
	last  [aes.BlockSize]byte
}

// runCipher works in place; data is whole blocks.
func runCipher(c any, data []byte, decrypt bool) error {
	switch c := c.(type) {
	case *chain:
		mode := cipher.NewCBCEncrypter(c.block, c.last[:])
		if decrypt {
			mode = cipher.NewCBCDecrypter(c.block, c.last[:])
		}
		if len(data) == 0 {
			return nil
		}
		end := data[len(data)-aes.BlockSize:]
		if decrypt {
			copy(c.last[:], end)
		}
		mode.CryptBlocks(data, data)
		if !decrypt {
			copy(c.last[:], end)
		}
	case cipher.Block:
		one := c.Encrypt
		if decrypt {
			one = c.Decrypt
		}
		for at := 0; at < len(data); at += aes.BlockSize {
			one(data[at:at+aes.BlockSize], data[at:at+aes.BlockSize])
		}
	}
	return nil
}
