package mqttclient

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Options say where a client goes and who it is. Only Address is needed.
type Options struct {
	// Address is tcp:// or mqtt://host:port (1883), mqtts:// or ssl:// (8883), ws:// or
	// wss://host:port/path, with user:password@ if the broker wants them. Just
	// host:port is tcp.
	Address        string
	ClientID       string // "": one of chance, the same for the client's whole life
	User, Password string // instead of those in Address
	TLS            *tls.Config

	Version        mqtt.Version  // 0: MQTT 5, and what is older when that is refused
	KeepAlive      time.Duration // whole seconds; 0: 60 s; negative: none
	CleanStart     bool          // at the first connection; later ones go on with the session if there is one
	SessionExpiry  uint32        // s; MQTT 5. Other versions: 0 is a clean session
	Will           *mqtt.Will
	UserProperties []mqtt.UserProperty // in CONNECT, MQTT 5 only

	Subscriptions []mqtt.Subscription
	// Handle is given what arrives, in order, in the reading goroutine: what it waits
	// for must not come over the same connection. What is in p may be kept, but not
	// Payload and CorrelationData.
	Handle func(p *mqtt.Publish)
	// HandleAll is given, instead of Handle, all that has come by now, at most 256 messages: for who
	// waits for something that serves many at once. They are acknowledged when it returns.
	HandleAll func(ps []*mqtt.Publish)
	// Connected and Lost come in the goroutine of Run; err says why.
	Connected func(present bool)
	Lost      func(err error)

	Queue     int           // messages of QoS 1 and 2 that wait; 0: 1,000
	Inflight  int           // of them on their way at once; 0: 100, and not more than the broker allows
	MaxPacket int           // bytes, inbound; 0: 1 MiB
	Retry     time.Duration // first pause before the next attempt; 0: 1 s, doubling
	RetryMax  time.Duration // 0: 30 s
	Patience  time.Duration // of dialling, of the broker's first answer, of a write, of a ping; 0: 10 s
	Log       *slog.Logger  // nil: slog.Default()

	dial func(ctx context.Context) (net.Conn, error) // of tests
}

func (o *Options) fill() {
	if o.ClientID == "" {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		o.ClientID = "roost-" + hex.EncodeToString(b[:])
	}
	o.KeepAlive = orElse(o.KeepAlive, time.Minute)
	o.Queue = orElse(o.Queue, 1000)
	o.Inflight = orElse(o.Inflight, 100)
	o.MaxPacket = orElse(o.MaxPacket, 1<<20)
	o.Retry = orElse(o.Retry, time.Second)
	o.RetryMax = orElse(o.RetryMax, 30*time.Second)
	o.Patience = orElse(o.Patience, 10*time.Second)
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

func orElse[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// ports are what addresses mean that name none.
var ports = map[string]string{
	"tcp": "1883", "mqtt": "1883", "mqtts": "8883", "ssl": "8883", "tls": "8883", "ws": "80", "wss": "443",
}

// target is an address taken apart.
type target struct {
	scheme, host string // host with a port
	url          string // of a WebSocket
	user, pass   string
	login        bool
}

// parse reads an address.
func parse(address string) (t target, err error) {
	if !strings.Contains(address, "://") {
		address = "tcp://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return t, fmt.Errorf("read broker address: %w", err)
	}
	port, known := ports[u.Scheme]
	if !known || u.Hostname() == "" {
		return t, fmt.Errorf("read broker address: %q is none: want tcp://host:port, mqtts://host:port or ws://host:port/path", u.Redacted())
	}
	if u.Port() != "" {
		port = u.Port()
	}
	t.scheme, t.host = u.Scheme, net.JoinHostPort(u.Hostname(), port)
	if u.User != nil {
		t.user, t.login = u.User.Username(), true
		t.pass, _ = u.User.Password()
		u.User = nil
	}
	t.url = u.String()
	return t, nil
}

// CheckAddress says what is wrong with a broker's address.
func CheckAddress(address string) error {
	_, err := parse(address)
	return err
}
