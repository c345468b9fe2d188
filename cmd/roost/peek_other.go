//go:build !unix

package main

import "net"

func peek(conn net.Conn) (byte, net.Conn, error) { return peekAhead(conn) }
