package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/sim"
)

// openSockets takes every address before anything else, so that a port that is
// taken is told at once, with the flag that names it, and all of them together.
func (h *house) openSockets(ctx context.Context) error {
	var errs []error
	var lc net.ListenConfig
	for _, at := range h.httpAt {
		l, err := lc.Listen(ctx, "tcp", at)
		if err != nil {
			errs = append(errs, socketError("http", at, err))
			continue
		}
		h.listeners = append(h.listeners, either(l, doorTLS(h.certificate, h.ownCertificate, h.TLSLegacy == "on")))
	}
	if h.CoAP != off {
		conn, err := coap.Listen(h.CoAP)
		if err != nil {
			errs = append(errs, socketError("coap", h.CoAP, err))
		} else {
			h.coapConn, h.at.coap = conn, conn.LocalAddr()
		}
	}
	if h.MQTT != off {
		l, err := lc.Listen(ctx, "tcp", h.MQTT)
		if err != nil {
			errs = append(errs, socketError("mqtt", h.MQTT, err))
		} else {
			h.mqttAt, h.at.mqtt = h.sealed(l), l.Addr()
		}
	}
	if h.MQTTSN != off {
		conns, err := mqttsn.Listen(h.MQTTSN)
		if err != nil {
			errs = append(errs, socketError("mqttsn", h.MQTTSN, err))
		} else {
			h.mqttsnConns, h.at.mqttsn = conns, conns.LocalAddr()
		}
	}
	if h.DebugAddr != "" {
		l, err := lc.Listen(ctx, "tcp", h.DebugAddr)
		if err != nil {
			errs = append(errs, socketError("debug-addr", h.DebugAddr, err))
		}
		h.debug = l
	}
	return errors.Join(errs...)
}

// sealed makes a listener take TLS as well, if there is a certificate.
func (h *house) sealed(l net.Listener) net.Listener {
	if h.certificate == nil {
		return l
	}
	return either(l, h.certificate.config())
}

// socketError names the flag and the way out.
func socketError(flag, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("--%s %s: another program uses this port (another Roost?); stop it or choose another port with --%s", flag, address, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("--%s %s: ports below 1024 need the right to use them; choose another with --%s", flag, address, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("--%s %s: this machine has no such address", flag, address)
	}
	return fmt.Errorf("--%s %s: %w", flag, address, err)
}

// simAddresses are where things simulated inside this process go.
func (h *house) simAddresses() sim.Addresses {
	http := onLoopback(h.listeners[0].Addr())
	a := sim.Addresses{WS: http, Pythings: http, Log: h.log}
	if h.coapConn != nil {
		a.CoAP = onLoopback(h.coapConn.LocalAddr())
	}
	if h.at.mqtt != nil {
		a.MQTT = onLoopback(h.at.mqtt)
	}
	if h.at.mqttsn != nil {
		a.MQTTSN = onLoopback(h.at.mqttsn)
	}
	return a
}

// onLoopback is how this machine reaches an address that it listens on.
func onLoopback(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
