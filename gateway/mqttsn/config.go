package mqttsn

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// Conn is a socket of the door; *net.UDPConn is one. Its caller opens and closes it.
type Conn interface {
	ReadFromUDPAddrPort(b []byte) (n int, remote netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, remote netip.AddrPort) (n int, err error)
	SetReadDeadline(t time.Time) error
}

// Config says how a Door behaves. Broker and Conns are needed; all else works as zero.
type Config struct {
	Broker *broker.Broker
	Conns  []Conn // open sockets at one address, from Listen; they stay their opener's to close
	Log    *slog.Logger

	// Admit says who a client is, for broker.Client.Guest, or with a code that is a
	// failure why it may not come in. nil: everybody may, and is nobody.
	Admit func(ctx context.Context, clientID, remote string) (guest any, code mqtt.ReasonCode)

	// Predefined are the topics that have an id without REGISTER; ReadPredefined reads
	// them from a file.
	Predefined map[uint16]string

	GatewayID byte          // in ADVERTISE and GWINFO
	Advertise time.Duration // between two ADVERTISE; 0: none
	// AdvertiseTo is where ADVERTISE goes: a multicast group or a broadcast address.
	AdvertiseTo netip.AddrPort
	// Group is a socket that hears a multicast group, for SEARCHGW; nil: clients ask
	// the door's own address. Answers leave by the first of Conns.
	Group Conn

	Retry   time.Duration // until something unanswered is sent again (Tretry); 10 s
	Retries int           // times it is sent again (Nretry); 3
	// Strict refuses what nodes do that do not know that the gateway restarted: they
	// are told DISCONNECT, and if they do not care and say the same again they are
	// taken in without a CONNECT, under a client id made of their address.
	Strict bool

	// Slow says that the broker may wait for the disk before it has taken a message
	// (durability "commit"): more workers then wait at the same time.
	Slow bool

	MaxClients  int // known at one time, asleep or not; 100,000
	MaxCasual   int // who publish with QoS −1 and never connected; 4,096
	MaxTopics   int // registered by and for one client; 4,096
	AllTopics   int // of all clients together; 1,000,000
	MaxDatagram int // bytes of a datagram, either way; 16 KiB
	MaxAwake    int // messages that a client gets in one waking; 1,000
	Lanes       int // 16, with Slow 128
	LaneLength  int // datagrams that wait in one lane; 1,024
	LaneBytes   int // in all lanes together; 32 MiB
	// MaxSilence is after how long a client is lost that named no keep alive; 24 h.
	MaxSilence time.Duration
}

// casualSilence is how long a client of QoS −1 is known after its last word.
const casualSilence = 2 * time.Minute

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	or(&c.Retry, 10*time.Second)
	or(&c.Retries, 3)
	or(&c.MaxClients, 100_000)
	or(&c.MaxCasual, 4096)
	or(&c.MaxTopics, 4096)
	or(&c.AllTopics, 1_000_000)
	or(&c.MaxDatagram, 16<<10)
	or(&c.MaxAwake, 1000)
	lanes := 16
	if c.Slow {
		lanes = 128
	}
	or(&c.Lanes, lanes)
	or(&c.LaneLength, 1024)
	or(&c.LaneBytes, 32<<20)
	or(&c.MaxSilence, 24*time.Hour)
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
