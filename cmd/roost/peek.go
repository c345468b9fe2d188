package main

import (
	"io"
	"net"
)

// seen is a connection whose first byte was read already.
type seen struct {
	net.Conn
	first []byte
}

func (s *seen) Read(b []byte) (int, error) {
	if len(s.first) == 0 || len(b) == 0 {
		return s.Conn.Read(b)
	}
	n := copy(b, s.first)
	s.first = nil
	return n, nil
}

// peekAhead reads the first byte and gives a connection that begins with it.
func peekAhead(conn net.Conn) (byte, net.Conn, error) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return 0, conn, err
	}
	return first[0], &seen{Conn: conn, first: first}, nil
}
