package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ownCertificate is the one that Roost makes for itself, for devices that take TLS
// but look at no certificate. It is made when the first of them comes, RSA because
// the oldest boards know nothing else, and small because they have 5 kB for it.
type ownCertificate struct {
	path string // of a PEM file with key and certificate
	log  *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate
}

// ownAge is how long it is valid: devices that would look cannot be told of a new one.
const ownAge = 20 * 365 * 24 * time.Hour

func newOwnCertificate(data string, log *slog.Logger) *ownCertificate {
	return &ownCertificate{path: filepath.Join(data, "secrets", "tls-own.pem"), log: log}
}

// get reads the certificate, or makes it.
func (o *ownCertificate) get() (*tls.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pair != nil {
		return o.pair, nil
	}
	text, err := os.ReadFile(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = makeCertificate(); err == nil {
			err = o.write(text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("own certificate for TLS: %w", err)
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("own certificate for TLS, %s: %w; remove the file and a new one is made", o.path, err)
	}
	o.pair = &pair
	return o.pair, nil
}

func (o *ownCertificate) write(text []byte) error {
	if err := os.MkdirAll(filepath.Dir(o.path), 0o700); err != nil {
		return err
	}
	fresh := o.path + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return err
	}
	o.log.Info("made a certificate of its own for devices that take TLS", "file", o.path)
	return os.Rename(fresh, o.path)
}

// makeCertificate gives a new key and certificate as PEM.
func makeCertificate() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Roost"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), // boards without a clock are in the past
		NotAfter:  time.Now().Add(ownAge),
		KeyUsage:  x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		DNSNames:  []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	for _, block := range []*pem.Block{
		{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		{Type: "CERTIFICATE", Bytes: der},
	} {
		if err := pem.Encode(&text, block); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// doorTLS is what the HTTP ports use: the operator's certificate if there is one and
// the other end can take it, else Roost's own.
func doorTLS(given *certificate, own *ownCertificate, legacy bool) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if given != nil {
			pair, err := given.get(hello)
			if err == nil && (!legacy || hello.SupportsCertificate(pair) == nil) {
				return pair, nil
			}
		}
		return own.get()
	}
	if legacy {
		config.MinVersion = tls.VersionTLS10
		config.CipherSuites = legacySuites()
	}
	return config
}

// legacySuites are all that are sound, and then those with which boards of
// MicroPython 1.11 on an ESP8266 can do: RSA key exchange, CBC.
func legacySuites() []uint16 {
	var all []uint16
	for _, s := range tls.CipherSuites() {
		all = append(all, s.ID)
	}
	return append(all,
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA)
}
