package main

import (
	"crypto/rsa"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// serveTLS answers "sealed" on a port with the TLS of the HTTP doors.
func serveTLS(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "sealed")
	}), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(either(l, config)) }()
	t.Cleanup(func() { server.Close(); <-done })
	return l.Addr().String()
}

// hello shakes hands as a client that looks at no certificate, and gives what came of it.
func hello(address string, client *tls.Config) (tls.ConnectionState, error) {
	client.InsecureSkipVerify = true
	conn, err := tls.Dial("tcp", address, client)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

// oldBoard is what MicroPython 1.11 on an ESP8266 offers.
func oldBoard() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA},
	}
}

func TestOldBoardsShakeHandsOnlyWhenAsked(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	own := newOwnCertificate(t.TempDir(), log)
	if _, err := hello(serveTLS(t, doorTLS(nil, own, false)), oldBoard()); err == nil {
		t.Error("RSA key exchange was taken though legacy is off")
	}
	cert, key := writePair(t, t.TempDir(), "given") // with a curve, which such boards do not know
	given, err := loadCertificate(cert, key, log)
	if err != nil {
		t.Fatal(err)
	}
	at := serveTLS(t, doorTLS(given, own, true))
	state, err := hello(at, oldBoard())
	if err != nil {
		t.Fatalf("T10: %v", err)
	}
	leaf := state.PeerCertificates[0]
	if _, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || len(leaf.Raw) > 4096 {
		t.Errorf("T10: certificate %T of %d bytes; an old board needs RSA in 5 kB", leaf.PublicKey, len(leaf.Raw))
	}
	if state, err = hello(at, &tls.Config{}); err != nil || state.Version != tls.VersionTLS13 {
		t.Errorf("a new client got version %x, %v", state.Version, err)
	} else if state.PeerCertificates[0].Subject.CommonName != "given" {
		t.Errorf("a new client was shown %s instead of the given certificate", state.PeerCertificates[0].Subject)
	}
	first := oldBoard()
	first.MaxVersion = tls.VersionTLS10
	if _, err := hello(at, first); err != nil {
		t.Errorf("TLS 1.0: %v", err)
	}
}

func TestOwnCertificateStays(t *testing.T) {
	data, log := t.TempDir(), slog.New(slog.DiscardHandler)
	before, err := hello(serveTLS(t, doorTLS(nil, newOwnCertificate(data, log), false)), &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := hello(serveTLS(t, doorTLS(nil, newOwnCertificate(data, log), false)), &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !before.PeerCertificates[0].Equal(after.PeerCertificates[0]) {
		t.Error("another certificate after a restart")
	}
}
