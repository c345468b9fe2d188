package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// ownCertificate writes a certificate for 127.0.0.1 that vouches for itself.
func ownCertificate(t testing.TB) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8)
}

func TestPortsTakeTLSAndPlain(t *testing.T) {
	cert, key := ownCertificate(t)
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--tls-cert", cert, "--tls-key", key)
	s.publish("-t", "node/plain/led", "-m", `{"value": "0"}`, "-i", "plain")
	s.publish("--cafile", cert, "-t", "node/sealed/led", "-m", `{"value": "1"}`, "-i", "sealed")
	s.awaitValue("plain", "led", `"0"`)
	s.awaitValue("sealed", "led", `"1"`)

	pem, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, scheme := range []string{"http", "https"} {
		res, err := client.Get(scheme + "://" + s.http + "/healthz")
		if err != nil {
			t.Errorf("%s: %v", scheme, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", scheme, res.StatusCode)
		}
	}
	client.CloseIdleConnections()
	s.endsWell()
}
