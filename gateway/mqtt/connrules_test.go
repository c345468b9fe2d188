package mqtt

import (
	"strings"
	"testing"

	wire "github.com/roost-iot/roost/wire/mqtt"
)

// TestRulesThatAreBroken: what each version demands, and that nobody else minds.
func TestRulesThatAreBroken(t *testing.T) {
	_, address := open(t, func(l *limits) { l.packet = 10_000 })
	witness := enter(t, address, clean("witness", wire.V5))
	publish := func(p wire.Publish) []byte { return p.Append(nil, wire.V5) }
	for _, c := range []struct {
		name string
		say  []byte
		v    wire.Version // 0: both
		code wire.ReasonCode
	}{
		{"a second CONNECT", (&wire.Connect{Version: wire.V5, ClientID: "x"}).Append(nil, wire.V5), wire.V5, wire.ProtocolError},
		{"CONNACK", []byte{0x20, 2, 0, 0}, 0, wire.ProtocolError},
		{"type 0", []byte{0, 0}, 0, wire.ProtocolError},
		{"AUTH", []byte{0xf0, 0}, 0, wire.ProtocolError},
		{"a remaining length without end", []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0x01}, 0, wire.MalformedPacket},
		{"more than may be sent", []byte{0x30, 0xff, 0x7f, 0, 1}, 0, wire.PacketTooLarge},
		{"QoS 3", []byte{0x36, 5, 0, 1, 'a', 0, 1}, 0, wire.MalformedPacket},
		{"a wildcard in a topic", []byte{0x30, 4, 0, 1, '#', 0}, 0, wire.TopicNameInvalid},
		{"flags of SUBSCRIBE", []byte{0x80, 6, 0, 1, 0, 1, 'a', 0}, 0, wire.MalformedPacket},
		{"SUBSCRIBE without filters", []byte{0x82, 3, 0, 1, 0}, wire.V5, wire.ProtocolError},
		{"an alias that stands for nothing", publish(wire.Publish{Props: wire.PublishProps{TopicAlias: 1}}), wire.V5, wire.ProtocolError},
		{"an alias above the maximum", publish(wire.Publish{Topic: "a", Props: wire.PublishProps{TopicAlias: 33}}), wire.V5, wire.TopicAliasInvalid},
		{"a subscription id of its own", publish(wire.Publish{Topic: "a", Props: wire.PublishProps{SubscriptionIDs: []uint32{1}}}), wire.V5, wire.ProtocolError},
		{"a longer session at the end", (&wire.Disconnect{HasSessionExpiry: true, SessionExpiry: 5}).Append(nil, wire.V5), wire.V5, wire.ProtocolError},
	} {
		for _, v := range []wire.Version{wire.V311, wire.V5} {
			if c.v != 0 && c.v != v {
				continue
			}
			t.Run(c.name+" in "+v.String(), func(t *testing.T) {
				r := enter(t, address, clean("rogue", v))
				r.write(append(append([]byte{0xc0, 0}, c.say...), 0xc0, 0))
				hears[*wire.Ping](r) // what came before is answered
				code := c.code
				if v != wire.V5 {
					code = 0
				}
				r.ends(code)
			})
		}
	}
	witness.say(&wire.Ping{Type: wire.TypePingreq})
	hears[*wire.Ping](witness)
}

func TestWhoIsNotLetInIsToldInItsVersion(t *testing.T) {
	h, address := open(t, nil)
	bad := map[string]struct {
		hello wire.Connect
		code  wire.ReasonCode // 0: just the end
	}{
		"no id in 3.1":             {wire.Connect{Version: wire.V31, CleanStart: true}, wire.ClientIDNotValid},
		"no id and a session":      {wire.Connect{Version: wire.V311}, wire.ClientIDNotValid},
		"a long id":                {clean(strings.Repeat("x", maxClientID+1), wire.V5), wire.ClientIDNotValid},
		"a password nobody knows":  {wire.Connect{Version: wire.V311, ClientID: "a", CleanStart: true, HasUserName: true, UserName: "u"}, wire.BadUserNameOrPassword},
		"extended authentication":  {wire.Connect{Version: wire.V5, ClientID: "a", AuthMethod: "SCRAM"}, wire.BadAuthenticationMethod},
		"a will on a filter, in 5": {wire.Connect{Version: wire.V5, ClientID: "a", Will: &wire.Will{Topic: "a/#"}}, wire.TopicNameInvalid},
		"a will on a filter":       {wire.Connect{Version: wire.V311, ClientID: "a", Will: &wire.Will{Topic: "a/#"}}, 0},
	}
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			r := dial(t, address, c.hello.Version)
			r.say(&c.hello)
			if c.code != 0 {
				if ack := hears[*wire.Connack](r); ack.Code != c.code {
					t.Errorf("%+v, want %v", ack, c.code)
				}
			}
			r.ends(0)
		})
	}
	t.Run("a version of the future", func(t *testing.T) {
		r := dial(t, address, wire.V311)
		r.write([]byte("\x10\x0d\x00\x04MQTT\x06\x02\x00\x3c\x00\x01a"))
		if ack := hears[*wire.Connack](r); ack.Code != wire.UnsupportedProtocolVersion {
			t.Errorf("%+v", ack)
		}
		r.ends(0)
	})
	for name, first := range map[string]string{"another protocol": "GET / HTTP/1.1\r\n\r\n", "PINGREQ": "\xc0\x00", "nothing that ends": "\x10\xff\xff\xff\xff\xff"} {
		t.Run(name, func(t *testing.T) {
			r := dial(t, address, wire.V311)
			r.write([]byte(first))
			r.ends(0)
		})
	}
	if n := h.door.Stats().Connected; n != 0 {
		t.Errorf("%d are connected", n)
	}
}
