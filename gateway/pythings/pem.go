package pythings

import (
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// Types of PEM blocks with a private key (RFC 7468, RFC 8017).
const (
	pkcs1Type = "RSA PRIVATE KEY"
	pkcs8Type = "PRIVATE KEY"
)

// pkcs1 is RSAPrivateKey (RFC 8017, A.1.2). crypto/x509 does not do: it refuses keys
// of less than 1024 bits, and those of devices have 1022.
type pkcs1 struct {
	Version                     int
	N, E, D, P, Q, Dp, Dq, Qinv *big.Int
	Others                      asn1.RawValue `asn1:"optional"`
}

// pkcs8 is PrivateKeyInfo (RFC 5208, 5).
type pkcs8 struct {
	Version   int
	Algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	Key        []byte
	Attributes asn1.RawValue `asn1:"optional,tag:0"`
}

var rsaEncryption = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

func badKey(text string) error { return roost.Errorf(roost.Invalid, "%s", text) }

// parseKey reads a private key from a PEM file. Error: roost.Invalid, which says what
// is in the file instead.
func parseKey(text []byte) (*wire.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, badKey("This is no PEM file. It begins with -----BEGIN RSA PRIVATE KEY----- or -----BEGIN PRIVATE KEY-----.")
	}
	if strings.Contains(block.Type, "ENCRYPTED") || block.Headers["Proc-Type"] != "" {
		return nil, badKey("This key is protected by a passphrase. Take that off first: openssl rsa -in key.pem -out open.pem")
	}
	switch block.Type {
	case pkcs1Type:
		return parsePKCS1(block.Bytes)
	case pkcs8Type:
		var outer pkcs8
		if rest, err := asn1.Unmarshal(block.Bytes, &outer); err != nil || len(rest) > 0 {
			return nil, badKey("This private key is damaged.")
		}
		if !outer.Algorithm.ID.Equal(rsaEncryption) {
			return nil, badKey("This is a private key, but not an RSA one. Devices know RSA only.")
		}
		return parsePKCS1(outer.Key)
	case "PUBLIC KEY", "RSA PUBLIC KEY":
		return nil, badKey("This is a public key. The private one is needed to read what devices send.")
	}
	return nil, badKey("A PEM file of type " + block.Type + " is no RSA private key.")
}

func parsePKCS1(der []byte) (*wire.PrivateKey, error) {
	var k pkcs1
	if rest, err := asn1.Unmarshal(der, &k); err != nil || len(rest) > 0 {
		return nil, badKey("This RSA private key is damaged.")
	}
	switch {
	case k.Version != 0:
		return nil, badKey("This RSA key has more than two primes.")
	case k.E.Cmp(big.NewInt(wire.Exponent)) != 0:
		return nil, badKey("The exponent of this RSA key is " + k.E.Text(10) + ". Devices use 65537.")
	case k.N.BitLen() < wire.MinModulus || k.N.BitLen() > wire.MaxModulus:
		return nil, badKey("This RSA key is too short or too long.")
	}
	key, err := wire.NewPrivateKey(k.P, k.Q)
	if err != nil || key.Modulus().Cmp(k.N) != 0 {
		return nil, badKey("The numbers of this RSA key do not belong together.")
	}
	return key, nil
}
