package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/web"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// loadKeys reads the key file. Without the default one no gateway can come in,
// which is fine; a file that was named must be there and sound.
func (h *house) loadKeys() (wire.Keys, error) {
	keys, err := wire.LoadKeys(h.KeyFile)
	if errors.Is(err, fs.ErrNotExist) && h.KeyFile == "~/.pyaiot/keys" {
		h.log.Info("no key file: far gateways come in by keys that people make for them", "file", h.KeyFile)
		return wire.Keys{}, nil
	}
	if err != nil {
		return wire.Keys{}, errors.New("--key-file: " + err.Error())
	}
	return keys, nil
}

// visitor tells the Pyaiot door who opens /ws: by a token in the address, in a
// header, or by the session of a page of ours.
func (h *house) visitor(r *http.Request) (pyaiot.Visitor, error) {
	secret := r.URL.Query().Get("token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		secret = strings.TrimSpace(bearer)
	}
	who := func(context.Context) (actor account.Actor, err error) { return actor, nil }
	if secret != "" {
		who = func(ctx context.Context) (account.Actor, error) { return h.accounts.ByToken(ctx, secret) }
	} else if cookie, none := r.Cookie(web.CookieName); none == nil {
		who = func(ctx context.Context) (account.Actor, error) { return h.accounts.BySession(ctx, cookie.Value) }
	}
	again := func(ctx context.Context) (pyaiot.Visitor, error) { return visitorOf(who(ctx)) }
	v, err := again(r.Context())
	v.Again = again
	return v, err
}

func visitorOf(actor account.Actor, err error) (pyaiot.Visitor, error) {
	if err != nil {
		return pyaiot.Visitor{}, err
	}
	if err := actor.Allowed(roost.Home, account.View); err != nil {
		return pyaiot.Visitor{}, err
	}
	return pyaiot.Visitor{By: actor.Name, Project: roost.Home, Command: actor.Allowed(roost.Home, account.Operate) == nil}, nil
}

// submit takes the commands of Pyaiot pages to the command room.
func (h *house) submit(ctx context.Context, ref roost.Ref, resource string, value roost.Value, by string) error {
	_, err := h.commands.Submit(ctx, command.Request{Ref: ref, Resource: resource, Value: value, By: by})
	return err
}

// listening is one door's line on the System page; a nil address: it is shut.
func listening(name, asked string, at net.Addr) web.Listener {
	if at == nil {
		return web.Listener{Name: name, Address: asked, State: "off"}
	}
	return web.Listener{Name: name, Address: at.String(), State: "listening"}
}

// site is how the server shows itself to those who have not signed in.
func (h *house) site() web.Site {
	s := web.Site{CoAP: portOf(h.at.coap), MQTT: portOf(h.at.mqtt), MQTTSN: portOf(h.at.mqttsn)}
	if h.MapTiles != off {
		s.MapTiles = h.MapTiles
	}
	return s
}

// portOf is where things find a door, whatever the host: ":1883"; "" if it is shut.
func portOf(at net.Addr) string {
	if at == nil {
		return ""
	}
	_, port, _ := net.SplitHostPort(at.String()) // every listener has a port
	return ":" + port
}

// system is what the System page shows of the house.
func (h *house) system(ctx context.Context) web.System {
	s := web.System{Started: h.started, DataDir: h.Data}
	if st, err := h.store.Stats(ctx); err == nil {
		s.DataBytes = st.Bytes
	}
	for _, l := range h.listeners {
		s.Listeners = append(s.Listeners, web.Listener{Name: "http", Address: l.Addr().String(), State: "listening"})
	}
	s.Listeners = append(s.Listeners,
		listening("coap", h.CoAP, h.at.coap), listening("mqtt", h.MQTT, h.at.mqtt), listening("mqttsn", h.MQTTSN, h.at.mqttsn))
	st := h.pyaiot.Stats()
	s.PyaiotGateways, s.PyaiotClients = st.Gateways, st.Clients
	s.MQTT, s.MQTTSN = h.mqttFigures()
	return s
}
