package pythings_test

import (
	"crypto/aes"
	"math/big"
	"strings"
)

// blockOf is the block whose plain integer is written in decimal, under fipsKey.
func blockOf(decimal string) string {
	n, _ := new(big.Int).SetString(decimal, 10)
	key, _ := new(big.Int).SetString(fipsKey, 10)
	cipher, err := aes.NewCipher(key.FillBytes(make([]byte, 16)))
	if err != nil {
		panic(err)
	}
	b := n.FillBytes(make([]byte, 16))
	cipher.Encrypt(b, b)
	text := new(big.Int).SetBytes(b).String()
	return text + strings.Repeat("&", 39-len(text))
}
