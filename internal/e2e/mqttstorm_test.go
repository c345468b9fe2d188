package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/gateway/mqttclient"
	wiremqtt "github.com/roost-iot/roost/wire/mqtt"
)

// mqttPackets are packets that a broker takes in their place, after a CONNECT of
// 3.1.1 and of 5; the first two are these CONNECTs.
var mqttPackets = []string{
	"101100044d5154540402003c000573746f726d",                         // CONNECT 3.1.1
	"101200044d5154540502003c00000573746f726d",                       // CONNECT 5
	"101f00044d51545404ce003c000573746f726d000177000178000175000170", // with will, user name and password
	"300b0005 612f622f63 78797a7a",                                   // PUBLISH QoS 0
	"320d0005 612f622f63 0001 78797a7a",                              // QoS 1
	"340d0005 612f622f63 0002 78797a7a",                              // QoS 2
	"40020001", "50020002", "62020002", "70020002",                   // PUBACK, PUBREC, PUBREL, PUBCOMP
	"820a0003 0005 612f622f63 01", "a2090004 0005 612f622f63", // SUBSCRIBE, UNSUBSCRIBE
	"c000", "e000", "f000", // PINGREQ, DISCONNECT, AUTH
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rawMQTT sends bytes to the MQTT port, and reads what comes for a moment.
func (s *server) rawMQTT(bytes ...[]byte) {
	conn, err := net.Dial("tcp", s.mqtt)
	if err != nil {
		s.t.Errorf("dial MQTT: %v", err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond)) // hanging is no fault of the server
	for _, b := range bytes {
		_, _ = conn.Write(b) // it may hang up early
	}
	_, _ = io.Copy(io.Discard, conn)
}

// brokenMQTT cuts and changes packets, puts them where they do not belong, and sends
// topics that are none.
func (s *server) brokenMQTT() int {
	var inputs [][][]byte
	dice := rand.New(rand.NewPCG(3, 4))
	connects := [][]byte{unhex(s.t, mqttPackets[0]), unhex(s.t, mqttPackets[1])}
	for _, text := range mqttPackets {
		whole := unhex(s.t, text)
		inputs = append(inputs, [][]byte{whole}) // without a CONNECT, or only that
		for _, connect := range connects {
			inputs = append(inputs, [][]byte{connect, whole}, [][]byte{connect, whole[:len(whole)/2]})
			for range 3 {
				b := append([]byte(nil), whole...)
				b[dice.IntN(len(b))] = byte(dice.Uint32())
				inputs = append(inputs, [][]byte{connect, b})
			}
		}
		for cut := range whole {
			inputs = append(inputs, [][]byte{whole[:cut]})
		}
	}
	for _, topic := range []string{"", "#", "a/+/b", "node//led", "node/\x00/led", "node/../led", "roost/#/readings", "$SYS/x", "\xff\xfe", strings.Repeat("t", 65535)} {
		publish := []byte{byte(len(topic) >> 8), byte(len(topic))}
		publish = append(append(publish, topic...), 0, 9)
		inputs = append(inputs, [][]byte{connects[0], frameMQTT(0x32, publish)})
	}
	inputs = append(inputs,
		[][]byte{{0x10, 0xff, 0xff, 0xff, 0xff, 0x7f}}, [][]byte{connects[0], {0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1}},
		[][]byte{connects[0], connects[0]}, [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, [][]byte{{0x16, 0x03, 0x01, 0x02, 0x00}},
	)
	var all sync.WaitGroup
	slots := make(chan struct{}, 64)
	for _, in := range inputs {
		slots <- struct{}{}
		all.Go(func() { defer func() { <-slots }(); s.rawMQTT(in...) })
	}
	all.Wait()
	return len(inputs)
}

func frameMQTT(first byte, body []byte) []byte {
	b := []byte{first}
	n := len(body)
	for n >= 128 {
		b, n = append(b, byte(n)|0x80), n>>7
	}
	return append(append(b, byte(n)), body...)
}

// snFrames are frames that an MQTT-SN gateway takes in their place.
var snFrames = []string{
	"0c040401016873746f726d31", "0c040c01016873746f726d32", // CONNECT, with will
	"0807006e6f64652f", "0709006f66666c", // WILLTOPIC, WILLMSG
	"0e0a000012346e6f64652f612f62", "070b0001123400", // REGISTER, REGACK
	"0b0c200001123478797a7a", "0a0c620001123478797a", "0a0c6274740000787a7a", // PUBLISH QoS 1, −1
	"070d0001123400", "040f1234", "04101234", "040e1234", // PUBACK, PUBREC, PUBREL, PUBCOMP
	"0c12201234 6e6f64652f23 61", "0b142012346e6f64652f61", // SUBSCRIBE, UNSUBSCRIBE
	"0216", "071673746f726d", "0218", "0418003c", // PINGREQ, DISCONNECT
	"030102", "0501010001", "0302 01", "091a 00", "031dff",
	"0cfe00abcdef0102030405060708", // encapsulated
}

func (s *server) brokenMQTTSN() int {
	conn, err := net.Dial("udp", s.mqttsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	dice := rand.New(rand.NewPCG(5, 6))
	n := 0
	put := func(b []byte) {
		_, _ = conn.Write(b) // an ICMP error of before is no matter
		n++
	}
	for round := range 2 { // without a CONNECT, and with
		for _, text := range snFrames[2*(1-round):] {
			whole := unhex(s.t, text)
			for cut := range len(whole) + 1 {
				put(whole[:cut])
			}
			for range 30 {
				b := append([]byte(nil), whole...)
				b[dice.IntN(len(b))] = byte(dice.Uint32())
				put(b)
			}
		}
	}
	put(make([]byte, 65000))
	put(append([]byte{1, 0xff, 0xff, 0x0c}, make([]byte, 60000)...))
	return n
}

// brokenRelay sends nonsense to /relay, as a gateway that holds the key.
func (s *server) brokenRelay() int {
	var all sync.WaitGroup
	n := 0
	for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
		o := websocket.DialOptions{Subprotocols: []string{"token", s.gatewayToken()}}
		for _, text := range append([]string{"\x00", "\x01\x02\x03", strings.Repeat("\xff", 5000)}, brokenJSON...) {
			n++
			all.Go(func() { s.throwAt("/relay", &o, kind, text) })
		}
	}
	all.Wait()
	return n
}

// TestTenThousandRetainedAndAReaderThatNeverReads: both cost their own connection at
// the most.
func TestTenThousandRetainedAndAReaderThatNeverReads(t *testing.T) {
	const most = 10_000
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--mqtt-anonymous", "any")
	publishing := s.mqttClient(mqttclient.Options{ClientID: "publisher", Queue: 2 * most})
	var acked sync.WaitGroup
	for i := range most {
		acked.Add(1)
		p := &wiremqtt.Publish{Topic: fmt.Sprintf("shelf/%d/%d", i%100, i), QoS: 1, Retain: true, Payload: fmt.Append(nil, i)}
		if err := publishing.Enqueue(p, func(error) { acked.Done() }); err != nil {
			t.Fatal(err)
		}
	}
	acked.Wait()

	deaf, err := net.Dial("tcp", s.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	_, _ = deaf.Write(unhex(t, mqttPackets[0]))        // the reader below tells
	_, _ = deaf.Write(unhex(t, "82060001 0001 23 01")) // everything, and it never reads

	var mu sync.Mutex
	came := map[string]bool{}
	s.mqttClient(mqttclient.Options{
		ClientID: "reader", Subscriptions: []wiremqtt.Subscription{{Filter: "shelf/#", QoS: 1}},
		Handle: func(p *wiremqtt.Publish) {
			mu.Lock()
			defer mu.Unlock()
			came[p.Topic] = true
		},
	})
	eventually(t, "every retained message comes", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(came) == most
	})
	big := make([]byte, 60<<10)
	for range 600 { // more than any socket's buffer and queue
		ctx, stop := context.WithTimeout(t.Context(), patience)
		err := publishing.Publish(ctx, &wiremqtt.Publish{Topic: "shelf/big", QoS: 1, Payload: big})
		stop()
		if err != nil {
			t.Fatalf("a reader that does not read holds up a publisher: %v", err)
		}
	}
	s.endsWell()
}
