package pythings

import (
	"context"
	"net"
)

// A device takes whatever came until the connection's end for the file. So while an
// answer is not written whole, its connection is one that breaks with a reset, which a
// device sees as a fault: also when the server is killed, or gives up on a device that
// reads too slowly.

type connKey struct{}

// ConnContext is for http.Server: it lets the door set how a connection ends.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// lingerer is a TCP connection.
type lingerer interface {
	net.Conn
	SetLinger(seconds int) error
}

// socket gives the TCP connection of a call, below TLS; nil if it cannot be had.
func (c *call) socket() lingerer {
	conn := c.conn
	if conn == nil && c.r.ProtoMajor == 1 { // later ones have many calls on a connection
		conn, _ = c.r.Context().Value(connKey{}).(net.Conn)
	}
	for conn != nil {
		if tcp, ok := conn.(lingerer); ok {
			return tcp
		}
		above, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = above.NetConn()
	}
	return nil
}

// whole writes an answer of more than one piece by write, all of it or with a reset.
func (c *call) whole(write func() error) error {
	tcp := c.socket()
	if tcp == nil {
		return write()
	}
	_ = tcp.SetLinger(0) // fails for a connection that is gone only, as does write
	if err := write(); err != nil {
		_ = tcp.Close() // at once: what stands above would end it in good form
		return err
	}
	_ = tcp.SetLinger(-1)
	return nil
}
