package mqtt

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

const (
	// maxClientID bounds client ids, in bytes.
	maxClientID = 1024
	// admission is how long it may take to find out who somebody is.
	admission = 15 * time.Second
	// defaultReceiveMaximum is what CONNACK says where the broker's limits say nothing.
	defaultReceiveMaximum = 1024
)

// connect takes CONNECT and answers it.
func (c *conn) connect(packet []byte) error {
	c.late.Stop()
	c.late = nil
	var p mqtt.Connect
	err := p.Parse(0, packet)
	c.version = p.Version
	if err != nil {
		if wrong, ok := errors.AsType[*mqtt.Error](err); ok && c.version == 0 && wrong.Code == mqtt.UnsupportedProtocolVersion {
			c.version = mqtt.V311 // the form that all of them understand
		}
		return err
	}
	c.problems = !p.NoProblemInfo
	ack := mqtt.Connack{ReceiveMaximum: c.receiveMaximum(), MaxPacket: uint32(c.limits.packet), TopicAliasMax: c.limits.alias}
	if err := c.name(&p, &ack); err != nil {
		return err
	}
	return c.admit(&p, &ack)
}

func (c *conn) receiveMaximum() uint16 {
	return orElse(c.d.cfg.Limits.ReceiveMaximum, defaultReceiveMaximum)
}

// name sees to it that the client has an id.
func (c *conn) name(p *mqtt.Connect, ack *mqtt.Connack) error {
	bad := func(what string) error {
		return &mqtt.Error{Code: mqtt.ClientIDNotValid, Packet: mqtt.TypeConnect, What: what}
	}
	switch {
	case len(p.ClientID) > maxClientID:
		return bad("a client identifier of more than " + strconv.Itoa(maxClientID) + " bytes")
	case p.ClientID != "":
		return nil
	case p.Version == mqtt.V31:
		return bad("no client identifier")
	case p.Version == mqtt.V311 && !p.CleanStart:
		return bad("no client identifier, and a session that is to last")
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	p.ClientID = "auto-" + hex.EncodeToString(b[:])
	ack.AssignedID = p.ClientID
	return nil
}

// admit asks who it is, attaches the session and says CONNACK.
func (c *conn) admit(p *mqtt.Connect, ack *mqtt.Connack) error {
	if p.AuthMethod != "" {
		return &mqtt.Error{Code: mqtt.BadAuthenticationMethod, Packet: mqtt.TypeConnect, What: "there is no extended authentication here"}
	}
	if c.abroad && !p.HasUserName && !p.HasPassword {
		return &mqtt.Error{Code: mqtt.NotAuthorized, Packet: mqtt.TypeConnect, What: "a web page from elsewhere needs a user name and a password"}
	}
	ctx, stop := context.WithTimeout(c.d.life, admission)
	defer stop()
	guest, code := c.d.Admit(ctx, Login{Given: p.HasUserName || p.HasPassword, User: p.UserName, Password: string(p.Password), Remote: c.remote})
	if code.Failed() {
		return &mqtt.Error{Code: code, Packet: mqtt.TypeConnect, What: "this client is not let in"}
	}
	c.client = &broker.Client{
		ID: SessionID(guest, p.ClientID), Version: p.Version, Protocol: roost.MQTT, Remote: c.remote, User: p.UserName, Guest: guest,
	}
	asked := sessionExpiry(p)
	session, present, err := c.d.broker.Connect(ctx, broker.Connect{
		Client: c.client, Peer: c, CleanStart: p.CleanStart, Expiry: asked, Will: p.Will,
		ReceiveMaximum: p.ReceiveMaximum, MaxPacket: p.MaxPacket,
	})
	if err != nil {
		if _, ok := errors.AsType[*mqtt.Error](err); ok {
			return err
		}
		return &mqtt.Error{Code: mqtt.ServerUnavailable, Packet: mqtt.TypeConnect, What: err.Error()}
	}
	c.session, c.bridge, c.expires = session, p.Bridge, p.SessionExpiry > 0
	ack.SessionPresent = present
	if granted := session.Expiry(); granted != asked {
		ack.HasSessionExpiry, ack.SessionExpiry = true, granted
	}
	c.pace(p, ack)
	return c.welcome(p, ack)
}

// sessionExpiry is how long the session is to outlive the connection.
func sessionExpiry(p *mqtt.Connect) uint32 {
	switch {
	case p.Version == mqtt.V5:
		return p.SessionExpiry
	case p.CleanStart:
		return 0
	}
	return mqtt.NoExpiry
}

// pace settles the keep alive: one and a half times what holds (MQTT 5, 3.1.2.10).
func (c *conn) pace(p *mqtt.Connect, ack *mqtt.Connack) {
	seconds := p.KeepAlive
	if most := c.limits.keepAlive; p.Version == mqtt.V5 && most > 0 && (seconds == 0 || seconds > most) {
		seconds = most
		ack.HasKeepAlive, ack.KeepAlive = true, most
	}
	c.keepAlive = time.Duration(seconds) * time.Second * 3 / 2
}

// welcome writes CONNACK, and lets out what waits in the session.
func (c *conn) welcome(p *mqtt.Connect, ack *mqtt.Connack) error {
	if p.TopicAliasMax > 0 {
		c.outbound = newOutbound(p.TopicAliasMax, p.MaxPacket)
	}
	if err := c.line.write(ack.Append(nil, c.version), c.limits.patience); err != nil {
		return err
	}
	c.mu.Lock()
	c.open = true
	c.mu.Unlock()
	return nil
}

// refuse answers a CONNECT that leads to nothing, where its version has an answer.
func (c *conn) refuse(code mqtt.ReasonCode, reason string) bool {
	malformed := code == mqtt.MalformedPacket || code == mqtt.ProtocolError || code == mqtt.PacketTooLarge || code == mqtt.TopicNameInvalid
	if c.version == 0 || c.version != mqtt.V5 && malformed {
		return false
	}
	ack := mqtt.Connack{Code: code}
	if c.version == mqtt.V5 && c.problems {
		ack.Reason = reason
	}
	c.d.log.Debug("MQTT client refused", "remote", c.remote, "err", &mqtt.Error{Code: code, Packet: mqtt.TypeConnect, What: reason})
	return c.line.write(ack.Append(nil, c.version), parting) == nil
}
