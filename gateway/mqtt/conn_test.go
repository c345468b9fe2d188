package mqtt

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

var allVersions = []wire.Version{wire.V31, wire.V311, wire.V5}

func TestMessagesOfAllQualitiesPassInAllVersions(t *testing.T) {
	_, address := open(t, nil)
	for _, v := range allVersions {
		t.Run(v.String(), func(t *testing.T) {
			r := enter(t, address, clean("a"+v.String(), v))
			r.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "t/" + v.String(), QoS: 2}, {Filter: "bad#", QoS: 1}}})
			refused := wire.UnspecifiedError
			if v == wire.V5 {
				refused = wire.TopicFilterInvalid
			}
			if sub := hears[*wire.Suback](r); !slices.Equal(sub.Codes, []wire.ReasonCode{2, refused}) || sub.ID != 1 {
				t.Errorf("%+v", sub)
			}
			for qos := range byte(3) {
				p := &wire.Publish{Topic: "t/" + v.String(), QoS: qos, ID: uint16(qos) * 7, Payload: []byte{'0' + qos}}
				r.say(p)
				if qos > 0 {
					r.handshake(p)
				}
				r.receives(p)
			}
			r.say(&wire.Ping{Type: wire.TypePingreq}, &wire.Unsubscribe{ID: 9, Filters: []string{"t/" + v.String()}})
			hears[*wire.Ping](r)
			if un := hears[*wire.Unsuback](r); un.ID != 9 {
				t.Errorf("%+v", un)
			}
			r.say(&wire.Disconnect{})
			r.ends(0)
		})
	}
}

func TestClientsAreToldWhatHolds(t *testing.T) {
	_, address := open(t, func(l *limits) { l.keepAlive = 60 })
	r := dial(t, address, wire.V5)
	ack := r.greet(wire.Connect{Version: wire.V5, CleanStart: true, KeepAlive: 600})
	if ack.Code != 0 || !strings.HasPrefix(ack.AssignedID, "auto-") || ack.MaxPacket != defaultPacket || ack.TopicAliasMax != defaultAliases ||
		ack.ReceiveMaximum == 0 || !ack.HasKeepAlive || ack.KeepAlive != 60 || ack.SessionPresent {
		t.Errorf("%+v", ack)
	}
	if ack := dial(t, address, wire.V311).greet(wire.Connect{Version: wire.V311, CleanStart: true}); ack.Code != 0 {
		t.Errorf("no id in 3.1.1: %+v", ack)
	}
}

func TestTopicAliasesBothWays(t *testing.T) {
	_, address := open(t, nil)
	hello := clean("a", wire.V5)
	hello.TopicAliasMax = 1
	r := enter(t, address, hello)
	r.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "#"}}, SubscriptionID: 4})
	hears[*wire.Suback](r)
	alias := func(topic string, n uint16, payload string) *wire.Publish {
		return &wire.Publish{Topic: topic, Payload: []byte(payload), Props: wire.PublishProps{TopicAlias: n}}
	}
	r.say(alias("one", 3, "1"), alias("", 3, "2"), alias("two", 3, "3"), alias("", 3, "4"), alias("one", 0, "5"))
	for i, want := range []wire.Publish{
		{Topic: "one", Props: wire.PublishProps{TopicAlias: 1}},
		{Topic: "", Props: wire.PublishProps{TopicAlias: 1}},
		{Topic: "two"},
		{Topic: "two"},
		{Topic: "", Props: wire.PublishProps{TopicAlias: 1}},
	} {
		got := hears[*wire.Publish](r)
		if got.Topic != want.Topic || got.Props.TopicAlias != want.Props.TopicAlias || string(got.Payload) != fmt.Sprint(i+1) ||
			!slices.Equal(got.Props.SubscriptionIDs, []uint32{4}) {
			t.Errorf("message %d: %+v", i+1, got)
		}
	}
}

func TestPacketsCutIntoPieces(t *testing.T) {
	_, address := open(t, nil)
	long := strings.Repeat("x", 300_000)
	var b []byte
	for _, p := range []wire.Packet{
		&wire.Connect{Version: wire.V311, ClientID: "pieces", CleanStart: true},
		&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "p"}}},
		&wire.Publish{Topic: "p", Payload: []byte("short")},
		&wire.Publish{Topic: "p", Payload: []byte(long)},
		&wire.Publish{Topic: "p", QoS: 1, ID: 3, Payload: []byte("last")},
	} {
		b = p.Append(b, wire.V311)
	}
	for _, size := range []int{1, 3, 1000, 70_000, len(b)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := dial(t, address, wire.V311)
			var work sync.WaitGroup
			defer work.Wait()
			work.Go(func() {
				for piece := range slices.Chunk(b[:min(len(b), size*5000)], size) {
					if _, err := r.Write(piece); err != nil {
						t.Errorf("write: %v", err)
						return
					}
				}
				if _, err := r.Write(b[min(len(b), size*5000):]); err != nil {
					t.Errorf("write: %v", err)
				}
			})
			hears[*wire.Connack](r)
			hears[*wire.Suback](r)
			hears[*wire.Ack](r)
			for _, want := range []string{"short", long, "last"} {
				if got := hears[*wire.Publish](r); string(got.Payload) != want {
					t.Errorf("%d bytes, want %d", len(got.Payload), len(want))
				}
			}
		})
	}
}

func TestNewConnectionTakesTheSessionOver(t *testing.T) {
	_, address := open(t, nil)
	for _, v := range []wire.Version{wire.V311, wire.V5} {
		hello := wire.Connect{Version: v, ClientID: "twin" + v.String(), SessionExpiry: 100}
		first := enter(t, address, hello)
		first.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "twin/" + v.String(), QoS: 1}}})
		hears[*wire.Suback](first)
		second := dial(t, address, v)
		if ack := second.greet(hello); !ack.SessionPresent {
			t.Errorf("%v: %+v", v, ack)
		}
		var code wire.ReasonCode
		if v == wire.V5 {
			code = wire.SessionTakenOver
		}
		first.ends(code)
		second.say(&wire.Publish{Topic: "twin/" + v.String(), QoS: 1, ID: 1, Payload: []byte("x")})
		hears[*wire.Ack](second)
		second.receives(&wire.Publish{Topic: "twin/" + v.String(), QoS: 1, Payload: []byte("x")})
	}
}

func TestWillIsForTheLost(t *testing.T) {
	_, address := open(t, nil)
	ear := enter(t, address, clean("ear", wire.V5))
	ear.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "will/#"}}})
	hears[*wire.Suback](ear)
	for i, c := range []struct {
		how  func(r *raw)
		will bool
	}{
		{func(r *raw) { r.say(&wire.Disconnect{}); r.ends(0) }, false},
		{func(r *raw) { _ = r.Close() }, true},
		{func(r *raw) { r.say(&wire.Disconnect{Code: wire.DisconnectWithWill}); r.ends(0) }, true},
		{func(r *raw) { r.write([]byte{0, 0}); r.ends(wire.ProtocolError) }, true},
	} {
		topic := fmt.Sprint("will/", i)
		hello := clean("mortal", wire.V5)
		hello.Will = &wire.Will{Topic: topic, Payload: []byte("gone")}
		c.how(enter(t, address, hello))
		if c.will {
			if got := hears[*wire.Publish](ear); got.Topic != topic {
				t.Errorf("case %d: %+v", i, got)
			}
		}
	}
}

func TestShutdownIsSaid(t *testing.T) {
	h, address := open(t, nil)
	five, four := enter(t, address, clean("five", wire.V5)), enter(t, address, clean("four", wire.V311))
	silent := dial(t, address, wire.V5)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.stop()
	}()
	five.ends(wire.ServerShuttingDown)
	four.ends(0)
	silent.ends(0)
	<-done
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		t.Error("the door still listens")
	}
}

// TestClientsThatWeDidNotWrite: mosquitto's own, with all qualities.
func TestClientsThatWeDidNotWrite(t *testing.T) {
	h, address := open(t, nil)
	host, port, _ := net.SplitHostPort(address)
	sub, err := exec.LookPath("mosquitto_sub")
	if err != nil {
		t.Skip("mosquitto's clients are not installed")
	}
	for _, v := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		t.Run(v, func(t *testing.T) {
			common := []string{"-h", host, "-p", port, "-V", v, "-t", "mosquitto/" + v}
			ear := exec.Command(sub, append(common, "-q", "2", "-C", "3", "-W", "20", "-i", "ear-"+v)...)
			out, err := ear.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := ear.Start(); err != nil {
				t.Fatal(err)
			}
			roomtest.Eventually(t, "mosquitto_sub listens", func() bool {
				n, _ := h.door.Broker().Reach("mosquitto/" + v)
				return n > 0
			})
			for q := range 3 {
				if b, err := exec.Command("mosquitto_pub", append(common, "-q", fmt.Sprint(q), "-m", fmt.Sprint("m", q), "-i", "pub")...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, b)
				}
			}
			b, _ := io.ReadAll(out)
			if err := ear.Wait(); err != nil || string(b) != "m0\nm1\nm2\n" {
				t.Errorf("%v: %q", err, b)
			}
		})
	}
}

func TestWebSocketsOnlyForMQTT(t *testing.T) {
	h, _ := open(t, nil)
	web := httptest.NewServer(h.door)
	defer web.Close()
	get := func(header ...string) int {
		r, _ := http.NewRequest(http.MethodGet, web.URL+"/mqtt", nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	for want, header := range map[int][]string{
		http.StatusBadRequest:         {},
		http.StatusSwitchingProtocols: append(upgrade, "Sec-WebSocket-Protocol", "chat, mqtt"),
	} {
		if got := get(header...); got != want {
			t.Errorf("%v: %d, want %d", header, got, want)
		}
	}
	if got := get(append(upgrade, "Sec-WebSocket-Protocol", "chat")...); got != http.StatusBadRequest {
		t.Errorf("another subprotocol: %d", got)
	}
}

// TestBridgesDoNotHearThemselves: mosquitto's, which say what they are by a bit of the
// protocol level, and keep the retain flag of what they pass on.
func TestBridgesDoNotHearThemselves(t *testing.T) {
	_, address := open(t, nil)
	for _, v := range []wire.Version{wire.V31, wire.V311} {
		hello := clean("bridge"+v.String(), v)
		hello.Bridge = true
		bridge := enter(t, address, hello)
		bridge.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "over/#"}}})
		hears[*wire.Suback](bridge)
		other := enter(t, address, clean("other", v))
		bridge.say(&wire.Publish{Topic: "over/own", QoS: 1, ID: 1})
		hears[*wire.Ack](bridge)
		other.say(&wire.Publish{Topic: "over/there", Retain: true, QoS: 1, ID: 1, Payload: []byte("x")})
		hears[*wire.Ack](other)
		if got := hears[*wire.Publish](bridge); got.Topic != "over/there" || !got.Retain {
			t.Errorf("MQTT %v: %+v", v, got)
		}
		other.say(&wire.Publish{Topic: "over/there", Retain: true})
		hears[*wire.Publish](bridge)
	}
}

func TestReceiveMaximumOfTheClientIsKept(t *testing.T) {
	_, address := open(t, nil)
	hello := clean("slow", wire.V5)
	hello.ReceiveMaximum = 2
	r := enter(t, address, hello)
	r.say(&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "rm", QoS: 1}}})
	hears[*wire.Suback](r)
	for i := range uint16(5) {
		r.say(&wire.Publish{Topic: "rm", QoS: 1, ID: i + 1})
		hears[*wire.Ack](r)
	}
	var open []uint16
	for range 5 {
		for len(open) < 2 && len(r.early) > 0 {
			open = append(open, hears[*wire.Publish](r).ID)
		}
		r.say(&wire.Ping{Type: wire.TypePingreq})
		hears[*wire.Ping](r)
		if len(open)+len(r.early) > 2 {
			t.Fatalf("%d messages are open", len(open)+len(r.early))
		}
		if len(open) == 0 {
			open = append(open, hears[*wire.Publish](r).ID)
		}
		r.say(&wire.Ack{Type: wire.TypePuback, ID: open[0]})
		open = open[1:]
	}
	r.say(&wire.Disconnect{})
	r.ends(0)
}
