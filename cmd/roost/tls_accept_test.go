package main

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// faltering has too many open files once.
type faltering struct {
	net.Listener
	told atomic.Bool
}

func (f *faltering) Accept() (net.Conn, error) {
	if f.told.CompareAndSwap(false, true) {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return f.Listener.Accept()
}

func TestTooManyOpenFilesDoNotEndAListener(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := either(&faltering{Listener: plain}, new(tls.Config))
	defer l.Close()
	conn, err := net.Dial("tcp", plain.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("G")); err != nil {
		t.Fatal(err)
	}
	came := make(chan error, 1)
	go func() {
		got, err := l.Accept()
		if err == nil {
			err = got.Close()
		}
		came <- err
	}()
	select {
	case err := <-came:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("nobody is accepted any more")
	}
}
