package broker

import (
	"context"
	"log/slog"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/mqtt"
)

// Config says what a broker is made of. The zero value works: everybody may do
// everything, and nothing outlives the process.
type Config struct {
	Hooks   Hooks   // nil: everybody may do everything
	Journal Journal // nil: sessions, retained and queued messages are in memory only
	// Commit makes Session.Publish, Subscribe and Settle wait until the journal has
	// committed what they did. Without it the journal is at most 50 ms behind.
	Commit bool
	Log    *slog.Logger // slog.Default()
	Limits
}

// Limits bound what the broker holds. Zero means what stands behind each.
type Limits struct {
	MaxSessions      int    // 1,000,000, connected or away
	MaxSubscriptions int    // of one session: 10,000
	MaxQueued        int    // messages that wait for one session: 10,000
	MaxQueuedBytes   int    // their topics and payloads: 16 MB
	MaxRetained      int    // 100,000
	MaxRetainedBytes int    // 64 MB
	MaxInflight      int    // QoS 1 and 2 on the way to one client, under what it allows: 1,024
	ReceiveMaximum   uint16 // QoS 2 on the way from one client: 1,024
	MaxSessionExpiry uint32 // s: mqtt.NoExpiry
	QueueQoS0        bool   // keep QoS 0 for those who are away as well
}

// Client is who is connected. It is made by the door and does not change.
type Client struct {
	ID       string
	Version  mqtt.Version
	Protocol roost.Protocol
	Remote   string
	User     string
	Guest    any // who authentication says it is
}

// Hooks is what the topics mean, and who may do what. The calls come in the
// goroutine of who causes them; one client's come in order, so none may wait for a
// Connect or End. Everything else of the broker may be called.
type Hooks interface {
	// Take sees what a client publishes, in order, before it is acknowledged and
	// routed; wills as well. It may block. It sets Reason to refuse one (from 0x80 on:
	// not routed; MQTT 5 is told, 3.1.1 gets an ordinary acknowledgement), Taken to
	// keep it from other clients. Payloads are borrowed until Take returns.
	Take(ctx context.Context, from *Client, pubs []*Publication)
	// MaySubscribe gives Success or why not. Of shared subscriptions it is asked
	// without $share/group/, and again of each when a client goes on with a session: with
	// one that it may not have any more, the session begins anew.
	MaySubscribe(from *Client, filter string) mqtt.ReasonCode
	// Retained gives messages that a new subscription gets beside the broker's own
	// retained ones, until yield gives false.
	Retained(from *Client, filter string, yield func(*Message) bool)
	Subscribed(from *Client, filter string)
	Unsubscribed(from *Client, filter string) // on request, not at the session's end
	Connected(from *Client, present bool)     // present: it goes on with a session that was there
	// Gone comes once for each Connected. remains: the session waits for the client.
	Gone(from *Client, how Gone, remains bool)
}

// Gone is how a connection ended.
type Gone byte

// The ways.
const (
	Clean     Gone = iota // the client said DISCONNECT
	Lost                  // it did not, or was cut
	TakenOver             // it connected again
	Stopped               // the server stops
)

// Journal keeps what must outlive the process: a log of entries, in order, that the
// broker reads at its start and trims once it has written what it still needs anew.
type Journal interface {
	// AppendBroker adds an entry, durable when it returns, with a number higher than
	// all before.
	AppendBroker(ctx context.Context, entry []byte) (number int64, err error)
	// TrimBroker forgets all entries before a number.
	TrimBroker(ctx context.Context, before int64) error
	// BrokerEntries gives all in order.
	BrokerEntries(ctx context.Context, each func(number int64, entry []byte) error) error
}

// Message is what all receivers of a publication share: nobody changes it. One made
// in the process needs a Topic and may leave all else zero.
type Message struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool               // as published
	Props   *mqtt.PublishProps // nil: none. Without subscription ids and topic alias
	From    string             // the publisher's client id, "" inside the process

	state messageState
}

// Publication is a PUBLISH on its way in. Topic and property texts are strings of its
// own, Payload and CorrelationData may be borrowed until Session.Publish returns.
type Publication struct {
	mqtt.Publish
	Reason mqtt.ReasonCode // for PUBACK or PUBREC
	Taken  bool            // do not route it
}

// Delivery is a packet on its way out: a PUBLISH or a PUBREL.
type Delivery struct {
	Type    mqtt.Type // TypePublish or TypePubrel
	Message *Message  // of a PUBLISH
	QoS     byte
	Dup     bool
	Retain  bool
	ID      uint16          // 0 with QoS 0
	Code    mqtt.ReasonCode // of a PUBREL
	Expiry  uint32          // s left, when the message has an expiry
	IDs     []uint32        // subscription ids; shared, do not change
}

// Peer is the transport's end of a connection, given by its door. Both methods may be
// called from any goroutine with locks held: they never block and call nobody back.
type Peer interface {
	// Wake says that Take has something. It is not called again before Take said that
	// there is no more.
	Wake()
	// Cut says to end the connection, with DISCONNECT and code where the version has
	// it, and then to call End. It may come before Connect returns, and more than once.
	Cut(code mqtt.ReasonCode)
}

// Connect is what a door knows of a client that wants in, after authentication.
type Connect struct {
	Client     *Client
	Peer       Peer
	CleanStart bool
	// Expiry is how long the session outlives the connection, s; mqtt.NoExpiry: for
	// ever. A door gives 3.1.1 clients 0 with a clean session and NoExpiry without.
	Expiry         uint32
	Will           *mqtt.Will // what is borrowed in it is copied
	ReceiveMaximum uint16     // 0: 65,535
	MaxPacket      uint32     // 0: no limit
}

// End is how a connection ends, as its door saw it.
type End struct {
	How       Gone // Clean, Lost or Stopped
	Will      bool // publish the will; when Lost it is in any case
	HasExpiry bool // DISCONNECT has changed how long the session remains
	Expiry    uint32
}

// Stats counts what the broker has and did.
type Stats struct {
	Connected, Sessions, Subscriptions   int
	Retained, RetainedBytes              int
	Queued                               int   // messages waiting or on their way, all sessions
	Received, Sent                       int64 // PUBLISH
	Dropped                              int64 // QoS 0 to full queues, QoS 1 and 2 to full queues of those away
	Expired                              int64
	Cut                                  int64 // clients that did not read
	TakenOver                            int64
	JournalBytes, JournalErrors, Refused int64
	Started                              time.Time
}
