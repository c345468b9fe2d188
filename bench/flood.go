package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// flood drives all endpoints on one thread.
func (p *posting) flood(ctx context.Context, ends []*coapEnd) error {
	conns := make([]*net.UDPConn, len(ends))
	for i, e := range ends {
		conns[i] = e.conn
	}
	begin := func(i int, s socket) error {
		e := ends[i]
		e.to = s
		e.compose(p.posters[i].next())
		if _, err := s.Write(e.out); err != nil {
			return fmt.Errorf("send CoAP request: %w", err)
		}
		return nil
	}
	return poll(ctx, conns, resend/4, begin,
		func(i int) error { return p.step(ends[i], &p.posters[i]) },
		func() error { return p.again(ends) })
}

// step reads one datagram of an endpoint. If it is the answer, the next request leaves.
func (p *posting) step(e *coapEnd, poster *poster) error {
	n, err := e.to.(socket).read(e.in)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read CoAP answer: %w", err)
	}
	code, done, err := e.digest(e.in[:n])
	if !done || err != nil {
		return err
	}
	poster.answered(code)
	e.compose(poster.next())
	_, err = e.to.Write(e.out)
	if errors.Is(err, syscall.EAGAIN) {
		return nil // it leaves with those that are sent again
	}
	return err
}

// again sends what has been open for too long once more.
func (p *posting) again(ends []*coapEnd) error {
	now := time.Since(p.began)
	for i, e := range ends {
		switch open := now - p.posters[i].sent; {
		case open > attempts*resend:
			return errNoAnswer
		case open > resend:
			if _, err := e.to.Write(e.out); err != nil && !errors.Is(err, syscall.EAGAIN) {
				return fmt.Errorf("send CoAP request: %w", err)
			}
		}
	}
	return nil
}
