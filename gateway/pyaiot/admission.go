package pyaiot

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

const (
	protocolHeader = "Sec-WebSocket-Protocol"
	protocolToken  = "token"
	// legacyPatience is how long a gateway of Pyaiot 0.2 may take to send its token.
	legacyPatience = 2 * time.Second
	// legacyToken is the longest message in which it may come, in bytes.
	legacyToken = 4 << 10
	// gatewayBuffer is what a gateway's connection reads at once: some 250 updates.
	gatewayBuffer = 32 << 10
)

// ServeGateway is /gw.
func (d *Door) ServeGateway(w http.ResponseWriter, r *http.Request) {
	if !websocket.Check(w, r) {
		return
	}
	o := websocket.Options{MaxMessage: d.cfg.MaxGatewayMessage, KeepBuffer: gatewayBuffer}
	name, remote := gatewayName(r), r.RemoteAddr
	lines := r.Header.Values(protocolHeader)
	if len(lines) == 0 && d.cfg.Legacy {
		o.Dead, o.MaxMessage = legacyPatience, legacyToken
		d.attach(w, r, d.gateways, o, func(c *websocket.Conn) { d.serveLegacy(c, name, remote) })
		return
	}
	key, refusal := wire.CheckProtocols(d.keyring(), lines)
	if refusal != "" {
		d.cfg.Log.Warn("gateway refused", "remote", remote, "err", refusal)
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(refusal)) // a peer that is gone already needs no answer
		return
	}
	o.Protocol = protocolToken
	d.attach(w, r, d.gateways, o, func(c *websocket.Conn) { d.serveGateway(c, key, name, remote, false) })
}

// keyring is every key that lets a gateway in at this moment, the key file's last.
func (d *Door) keyring() (ring []wire.NamedKey) {
	if d.cfg.Keyring != nil {
		ring = slices.Clip(d.cfg.Keyring())
	}
	if d.cfg.Keys.Secret != "" {
		ring = append(ring, wire.NamedKey{ID: wire.FileKey, Keys: d.cfg.Keys})
	}
	return ring
}

// serveLegacy waits for the token, which comes as a message.
func (d *Door) serveLegacy(conn *websocket.Conn, name, remote string) {
	late := time.AfterFunc(legacyPatience+time.Second, func() { _ = conn.Cut() }) // a byte now and then is no token
	_, token, err := conn.Next()
	if !late.Stop() && err == nil {
		err = websocket.ErrSilent
	}
	var key wire.NamedKey
	if err == nil {
		key, err = wire.CheckRing(d.keyring(), strings.TrimSpace(string(token)))
	}
	if err != nil {
		defer d.detach(d.gateways, conn)
		d.cfg.Log.Warn("gateway refused", "remote", remote, "err", err)
		if closed, ok := errors.AsType[*websocket.CloseError](err); !ok || !closed.Peer {
			_ = conn.Close(0, "") // it is gone one way or the other
		}
		return
	}
	conn.SetDead(0)
	conn.SetMaxMessage(d.cfg.MaxGatewayMessage)
	d.serveGateway(conn, key, name, remote, true)
}

// gatewayName is what a gateway calls itself, or where it is.
func gatewayName(r *http.Request) string {
	if name := roost.CleanThingID(r.URL.Query().Get("name")); name != "" {
		return string(name)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
