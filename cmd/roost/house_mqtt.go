package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/web"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// openMQTT makes the doors for MQTT and MQTT-SN, which share a broker.
func (h *house) openMQTT(ctx context.Context) error {
	if h.mqttAt == nil && h.mqttsnConns == nil && h.MQTTBroker == "" {
		return nil
	}
	h.mqtt = mqtt.New(mqtt.Config{
		Core: h.switchboard, Log: h.log, Feed: h.feed, Fleet: h.registry, Submit: h.commands.Submit,
		Authenticate: h.mqttGuest, Bound: func(own string) bool { return h.accounts.Bound(roost.Home, own) != "" },
		Anonymous: h.MQTTAnonymous, Journal: h.store, Commit: h.Durability == "commit", Outside: h.MQTTBroker, OutsideID: outsideID(h.MQTTBroker, h.Data, h.log),
		Presence: h.presence,
	})
	if err := h.mqtt.Load(ctx); err != nil {
		return err
	}
	if h.mqttsnConns == nil {
		return nil
	}
	cfg := mqttsn.Config{
		Broker: h.mqtt.Broker(), Conns: mqttsn.Conns(h.mqttsnConns), Log: h.log, Slow: h.Durability == "commit",
		Admit: func(ctx context.Context, _, remote string) (any, wire.ReasonCode) {
			return h.mqtt.Admit(ctx, mqtt.Login{Remote: remote})
		},
	}
	if err := h.mqttsnExtras(&cfg); err != nil {
		return err
	}
	h.mqttsn = mqttsn.New(cfg)
	return nil
}

// advertiseEvery is the time between two ADVERTISE: nodes give a gateway up after
// they missed a few (MQTT-SN 1.2, 7.2, proposes 15 minutes and more).
const advertiseEvery = 15 * time.Minute

// mqttsnExtras reads the predefined topics and joins the multicast group.
func (h *house) mqttsnExtras(cfg *mqttsn.Config) error {
	var errs []error
	if h.MQTTSNTopics != "" {
		topics, err := readTopics(h.MQTTSNTopics)
		if err != nil {
			errs = append(errs, fmt.Errorf("--mqttsn-topics %s: %w", h.MQTTSNTopics, err))
		}
		cfg.Predefined = topics
	}
	if h.MQTTSNGroup != "" {
		group, iface, err := groupAt(h.MQTTSNGroup)
		if err == nil {
			h.mqttsnGroup, err = mqttsn.ListenGroup(group, iface)
		}
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("--mqttsn-group %s: %w", h.MQTTSNGroup, err))...)
		}
		cfg.Group, cfg.AdvertiseTo, cfg.Advertise, cfg.GatewayID = h.mqttsnGroup, group, advertiseEvery, 1
	}
	return errors.Join(errs...)
}

func readTopics(path string) (map[uint16]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return mqttsn.ReadPredefined(f)
}

// groupAt reads "[ff02::1%wlan0]:1885"; the interface may be missing.
func groupAt(text string) (group netip.AddrPort, iface string, err error) {
	group, err = netip.ParseAddrPort(text)
	if err != nil || !group.Addr().IsMulticast() {
		return group, "", errors.New("write it as [ff02::1%wlan0]:1885 or 224.0.1.29:1885")
	}
	return group, group.Addr().Zone(), nil
}

// mqttGuest tells who shows a user name and a password: a program with a token as
// its password, or as its name; or a thing with the password that a person made for it.
func (h *house) mqttGuest(ctx context.Context, user, password, _ string) (mqtt.Guest, error) {
	for _, secret := range []string{password, user} {
		if strings.HasPrefix(secret, account.TokenPrefix) {
			return h.mqttProgram(ctx, secret)
		}
	}
	c, err := h.accounts.CheckCredential(ctx, roost.Home, user, password)
	if err != nil {
		return mqtt.Guest{}, err
	}
	return mqtt.Guest{
		ID: c.ID, Name: c.Own, Project: c.Project, Own: c.Own,
		Again: func(context.Context) (mqtt.Guest, error) {
			if h.accounts.Bound(c.Project, c.Own) != c.ID {
				return mqtt.Guest{}, roost.Errorf(roost.Unauthorized, "This password was taken back.")
			}
			return mqtt.Guest{ID: c.ID, Name: c.Own, Project: c.Project, Own: c.Own}, nil
		},
	}, nil
}

func (h *house) mqttProgram(ctx context.Context, secret string) (mqtt.Guest, error) {
	actor, err := h.accounts.ByToken(ctx, secret)
	if err == nil {
		err = actor.Allowed(roost.Home, account.View)
	}
	if err != nil {
		return mqtt.Guest{}, err
	}
	return mqtt.Guest{
		ID: actor.ID, Name: actor.Name, Project: roost.Home, Role: actor.Role(roost.Home),
		Again: func(ctx context.Context) (mqtt.Guest, error) { return h.mqttProgram(ctx, secret) },
	}, nil
}

// rebound cuts things whose password was made or taken back.
func (h *house) rebound(own string) {
	if h.mqtt != nil {
		h.mqtt.Rebound(own)
	}
}

// mqttFigures are for the System page; nil for a door that is shut.
func (h *house) mqttFigures() (overTCP, overUDP *web.MQTTFigures) {
	if h.mqtt == nil {
		return nil, nil
	}
	st := h.mqtt.Stats()
	figures := web.MQTTFigures{
		Connections: st.Connected, Sessions: st.Sessions, Subscriptions: st.Subscriptions, Retained: st.Retained,
		Queued: st.Queued, Received: uint64(st.Received), Sent: uint64(st.Sent), Dropped: uint64(st.Dropped),
	}
	if h.mqttsn != nil {
		sn := h.mqttsn.Stats()
		overUDP = &web.MQTTFigures{Connections: sn.Clients, Sessions: sn.Clients, Asleep: sn.Asleep}
	}
	return &figures, overUDP
}
