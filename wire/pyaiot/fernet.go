package pyaiot

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// ErrUndecryptable: the token is garbage, or was made with another private key.
var ErrUndecryptable = errors.New("token cannot be decrypted with our private key")

// ErrWrongSecret: the token was made with our private key and another secret.
var ErrWrongSecret = errors.New("token holds another secret")

// A Fernet token before base64:
//
//	0x80 | seconds since 1970, 8 bytes | IV, 16 | AES-128-CBC | HMAC-SHA256, 32
const (
	fernetVersion = 0x80
	headSize      = 1 + 8 + aes.BlockSize
	macSize       = sha256.Size
)

// Token makes a fresh token of the secret, as a gateway shows it.
func (k Keys) Token(now time.Time) string {
	var iv [aes.BlockSize]byte
	rand.Read(iv[:])
	return k.token(now, iv)
}

func (k Keys) token(now time.Time, iv [aes.BlockSize]byte) string {
	pad := aes.BlockSize - len(k.Secret)%aes.BlockSize
	b := make([]byte, headSize, headSize+len(k.Secret)+pad+macSize)
	b[0] = fernetVersion
	binary.BigEndian.PutUint64(b[1:], uint64(now.Unix()))
	copy(b[9:], iv[:])
	b = append(b, k.Secret...)
	for range pad {
		b = append(b, byte(pad))
	}
	cipher.NewCBCEncrypter(k.block(), iv[:]).CryptBlocks(b[headSize:], b[headSize:])
	return base64.URLEncoding.EncodeToString(k.mac(b).Sum(b))
}

// CheckToken tells whether a gateway may come in. Age is not looked at: real
// gateways may have no clock. Errors: ErrUndecryptable, ErrWrongSecret.
func (k Keys) CheckToken(token string) error {
	secret, err := k.decrypt(token)
	if err != nil {
		return err
	}
	if k.Secret == "" || subtle.ConstantTimeCompare(secret, []byte(k.Secret)) != 1 {
		return ErrWrongSecret
	}
	return nil
}

func (k Keys) decrypt(token string) ([]byte, error) {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) < headSize+aes.BlockSize+macSize || b[0] != fernetVersion {
		return nil, ErrUndecryptable
	}
	body, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	if !hmac.Equal(mac, k.mac(body).Sum(nil)) {
		return nil, ErrUndecryptable
	}
	text := body[headSize:]
	if len(text)%aes.BlockSize != 0 {
		return nil, ErrUndecryptable
	}
	cipher.NewCBCDecrypter(k.block(), body[9:headSize]).CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, ErrUndecryptable
	}
	for _, c := range text[len(text)-pad:] {
		if int(c) != pad {
			return nil, ErrUndecryptable
		}
	}
	return text[:len(text)-pad], nil
}

type summer interface{ Sum([]byte) []byte }

func (k Keys) mac(b []byte) summer {
	h := hmac.New(sha256.New, k.Private[:16])
	h.Write(b)
	return h
}

func (k Keys) block() cipher.Block {
	block, err := aes.NewCipher(k.Private[16:])
	if err != nil {
		panic(err) // 16 bytes always do
	}
	return block
}
