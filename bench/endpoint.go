package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

const (
	resend   = time.Second // until a confirmable request is sent again
	attempts = 5
)

var errNoAnswer = errors.New("CoAP server does not answer")

// coapEnd is a CoAP endpoint with one request open at a time. What the server
// asks of it meanwhile is answered by serve.
type coapEnd struct {
	conn    *net.UDPConn
	to      io.Writer // conn, unless another way out was found
	uid     string
	id      uint16
	request coap.Message
	answer  coap.Message
	in, out []byte
	until   time.Time // deadline that is set on conn

	// serve answers a request of the server. nil: everything is 4.04.
	serve func(r *coap.Message) (coap.Code, []byte)
}

// coapEnds opens n endpoints towards a server on their own ports. Towards a
// server on this machine each has, where the system lets it, an address of its
// own too, and the port where Pyaiot looks for nodes.
func coapEnds(to string, n int) (ends []*coapEnd, err error) {
	server, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		return nil, fmt.Errorf("find CoAP server: %w", err)
	}
	at := server.AddrPort()
	own := runtime.GOOS == "linux" && at.Addr().Unmap().Is4() && at.Addr().Unmap().IsLoopback()
	port := 5683
	for i := range n {
		var local *net.UDPAddr
		if own {
			local = &net.UDPAddr{IP: net.IPv4(127, 1, byte(i/250), byte(i%250+1)), Port: port}
		}
		conn, err := net.DialUDP("udp", local, server)
		if err != nil && own && port != 0 { // somebody has that port on all addresses
			port, local.Port = 0, 0
			conn, err = net.DialUDP("udp", local, server)
		}
		if err != nil {
			closeEnds(ends)
			return nil, fmt.Errorf("open CoAP endpoint %d: %w", i, err)
		}
		ends = append(ends, &coapEnd{
			conn: conn, to: conn, uid: "bench-coap-" + strconv.Itoa(i), id: uint16(time.Now().UnixNano()),
			in: make([]byte, 2048),
		})
	}
	return ends, nil
}

func closeEnds(ends []*coapEnd) {
	for _, e := range ends {
		_ = e.conn.Close()
	}
}

// prepare sets method and path of the requests to come.
func (e *coapEnd) prepare(method coap.Code, path string) {
	e.request = coap.Message{Type: coap.Confirmable, Code: method}
	e.request.Options.SetPath(path)
}

// compose makes the next request, with that payload, in e.out.
func (e *coapEnd) compose(payload []byte) {
	e.id++
	m := &e.request
	m.ID, m.Token, m.Payload = e.id, coap.Token16(e.id), payload
	e.out = m.Append(e.out[:0])
}

// do sends a request with that payload and waits for the response's code.
func (e *coapEnd) do(payload []byte) (coap.Code, error) {
	e.compose(payload)
	for range attempts {
		if _, err := e.to.Write(e.out); err != nil {
			return 0, fmt.Errorf("send CoAP request: %w", err)
		}
		code, err := e.wait()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return code, err
		}
	}
	return 0, errNoAnswer
}

// wait reads until the open request is answered. The deadline is set anew only
// when less than half of it is left: it costs a system call's worth each time.
func (e *coapEnd) wait() (coap.Code, error) {
	if now := time.Now(); e.until.Sub(now) < resend/2 {
		e.until = now.Add(resend)
		if err := e.conn.SetReadDeadline(e.until); err != nil {
			return 0, err
		}
	}
	for {
		n, err := e.conn.Read(e.in)
		if err != nil {
			e.until = time.Time{}
			return 0, err
		}
		if code, done, err := e.digest(e.in[:n]); done || err != nil {
			return code, err
		}
	}
}

// digest takes a datagram. done: it answers the open request with that code.
func (e *coapEnd) digest(b []byte) (code coap.Code, done bool, err error) {
	m := &e.answer
	if m.Parse(b) != nil {
		return 0, false, nil
	}
	switch {
	case m.Code.IsRequest():
		e.reply(m)
	case m.Type == coap.Reset && m.ID == e.id:
		return 0, false, errors.New("CoAP server reset the request")
	case m.Code.IsResponse() && m.Token == e.request.Token:
		if m.Type == coap.Confirmable {
			e.acknowledge(m.ID, coap.Empty, coap.Token{}, nil)
		}
		return m.Code, true, nil
	}
	return 0, false, nil
}

// reply answers a request of the server.
func (e *coapEnd) reply(r *coap.Message) {
	code, payload := coap.NotFound, []byte(nil)
	if e.serve != nil {
		code, payload = e.serve(r)
	}
	if r.Type == coap.Confirmable {
		e.acknowledge(r.ID, code, r.Token, payload)
	}
}

func (e *coapEnd) acknowledge(id uint16, code coap.Code, token coap.Token, payload []byte) {
	m := coap.Message{Type: coap.Acknowledgement, Code: code, ID: id, Token: token, Payload: payload}
	_, _ = e.to.Write(m.Append(nil)) // lost: it asks again
}

// greet makes the endpoint known to a gateway.
func (e *coapEnd) greet() error {
	e.prepare(coap.POST, "/alive")
	for _, word := range []string{"reset:", "alive:"} {
		code, err := e.do([]byte(word + e.uid))
		if err != nil {
			return fmt.Errorf("greet the gateway: %w", err)
		}
		if !code.IsSuccess() {
			return fmt.Errorf("greet the gateway: answered %v; it must let unknown things in (--enrol open)", code)
		}
	}
	return nil
}
