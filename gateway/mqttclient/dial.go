package mqttclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/wire/mqtt"
)

// errFallBack: this version was refused, another is to be tried at once.
var errFallBack = errors.New("the broker knows only older versions of MQTT")

// connect makes a connection and stays until it ends. wasIn: the broker had let us in.
func (c *Client) connect(ctx context.Context) (wasIn bool, err error) {
	l, ack, err := c.knock(ctx)
	if err != nil {
		return false, err
	}
	defer l.close()
	c.enter(l, ack)
	c.o.Log.Info("connected to MQTT broker", "remote", c.target.host, "protocol", "MQTT "+l.version.String())
	if c.o.Connected != nil {
		c.o.Connected(ack.SessionPresent)
	}
	err = l.read()
	err = c.leave(l, err)
	if c.o.Lost != nil {
		c.o.Lost(err)
	}
	return true, err
}

// knock dials and is let in, in a goroutine of its own: that takes much stack, which
// ours would keep for as long as the connection lives.
func (c *Client) knock(ctx context.Context) (l *link, ack *mqtt.Connack, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l, ack, err = c.knockHere(ctx)
	}()
	<-done
	return l, ack, err
}

func (c *Client) knockHere(ctx context.Context) (*link, *mqtt.Connack, error) {
	dialing, stop := context.WithTimeout(ctx, c.o.Patience)
	conn, err := c.dial(dialing)
	stop()
	if err != nil {
		return nil, nil, err
	}
	l := &link{c: c, conn: conn, version: c.candidate()}
	l.watch(ctx)
	ack, err := l.greet()
	if err != nil {
		l.close()
		return nil, nil, c.judge(l.version, err)
	}
	return l, ack, nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	if c.o.dial != nil {
		return c.o.dial(ctx)
	}
	switch c.target.scheme {
	case "ws", "wss":
		options := &websocket.DialOptions{Subprotocols: []string{"mqtt"}}
		if c.o.TLS != nil {
			options.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: c.o.TLS.Clone()}}
		}
		conn, _, err := websocket.Dial(ctx, c.target.url, options) //nolint:bodyclose // it has none: the library says so
		if err != nil {
			return nil, fmt.Errorf("dial MQTT broker: %w", err)
		}
		conn.SetReadLimit(int64(c.o.MaxPacket) + 1<<20) // a frame may hold many packets
		return websocket.NetConn(context.WithoutCancel(ctx), conn, websocket.MessageBinary), nil
	case "mqtts", "ssl", "tls":
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if c.o.TLS != nil {
			config = c.o.TLS.Clone()
		}
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", c.target.host)
		if err != nil {
			return nil, fmt.Errorf("dial MQTT broker: %w", err)
		}
		return conn, nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.target.host)
	if err != nil {
		return nil, fmt.Errorf("dial MQTT broker: %w", err)
	}
	return conn, nil
}

// candidate is the version to try.
func (c *Client) candidate() mqtt.Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.o.Version != 0:
		return c.o.Version
	case c.version != 0:
		return c.version
	}
	return mqtt.V5
}

// judge decides whether an older version may help. A broker that is too old says so,
// or just ends the connection; after 3.1.1 a connection that was just ended is no
// reason to try 3.1, but to begin again with 5.
func (c *Client) judge(tried mqtt.Version, err error) error {
	if c.o.Version != 0 {
		return err
	}
	wrong, answered := errors.AsType[*mqtt.Error](err)
	answered = answered && wrong.Packet == mqtt.TypeConnack && wrong.Code != mqtt.MalformedPacket && wrong.Code != mqtt.ProtocolError
	refused := answered && wrong.Code == mqtt.UnsupportedProtocolVersion
	silent := !answered && !isTimeout(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case tried == mqtt.V5 && (refused || silent):
		c.version = mqtt.V311
		return errFallBack
	case tried == mqtt.V311 && refused:
		c.version = mqtt.V31
		return errFallBack
	case refused || silent:
		c.version = 0
	}
	return err
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// greet says CONNECT and gives the answer to it.
func (l *link) greet() (*mqtt.Connack, error) {
	c := l.c
	c.mu.Lock()
	again := c.made
	c.mu.Unlock()
	hello := mqtt.Connect{
		Version: l.version, ClientID: c.o.ClientID, CleanStart: c.o.CleanStart && !again, Will: c.o.Will,
		HasUserName: c.o.User != "", UserName: c.o.User, HasPassword: c.o.Password != "", Password: []byte(c.o.Password),
		SessionExpiry: c.o.SessionExpiry, MaxPacket: uint32(c.o.MaxPacket), User: c.o.UserProperties,
	}
	if l.version != mqtt.V5 {
		hello.CleanStart = c.o.SessionExpiry == 0
		hello.HasUserName = hello.HasUserName || hello.HasPassword
	}
	if c.o.KeepAlive > 0 {
		hello.KeepAlive = uint16(min(c.o.KeepAlive/time.Second, 65535))
	}
	_ = l.conn.SetDeadline(time.Now().Add(c.o.Patience)) // the write tells
	if _, err := l.conn.Write(hello.Append(nil, l.version)); err != nil {
		return nil, fmt.Errorf("say CONNECT: %w", err)
	}
	packet, err := l.next()
	if err != nil {
		return nil, fmt.Errorf("await CONNACK: %w", err)
	}
	ack := new(mqtt.Connack)
	if err := ack.Parse(l.version, packet); err != nil {
		return nil, fmt.Errorf("await CONNACK: %w", err)
	}
	if ack.Code != mqtt.Success {
		return nil, &mqtt.Error{Code: ack.Code, Packet: mqtt.TypeConnack, What: "the broker does not let us in" + because(ack.Reason)}
	}
	_ = l.conn.SetDeadline(time.Time{})
	l.limit(ack, hello.KeepAlive)
	return ack, nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
