package broker

import (
	"context"

	"github.com/roost-iot/roost/wire/mqtt"
)

type messageState struct{}

// Broker is MQTT's heart.
type Broker struct{}

// New makes a broker. One with a journal needs Load before the first Connect.
func New(c Config) *Broker { panic("soon") }

// Load reads the journal.
func (b *Broker) Load(ctx context.Context) error { panic("soon") }

// Run keeps the time of sessions, wills and messages and writes the journal, until
// ctx ends and what was there is written.
func (b *Broker) Run(ctx context.Context) error { panic("soon") }

// Connect attaches a client to its session. present: the session was there already.
func (b *Broker) Connect(ctx context.Context, c Connect) (s *Session, present bool, err error) {
	panic("soon")
}

// Publish routes a message made in the process.
func (b *Broker) Publish(m *Message) { panic("soon") }

// Reach says how many sessions a message would go to, and how many of these are away or asleep.
func (b *Broker) Reach(topic string) (sessions, asleep int) { panic("soon") }

// Cut cuts the connection of a client, if there is one.
func (b *Broker) Cut(clientID string, code mqtt.ReasonCode) bool { panic("soon") }

// Stats counts.
func (b *Broker) Stats() Stats { panic("soon") }

// Session is one connection's hold on its session. One goroutine reads (Publish, Release, Acked, …,
// Subscribe, Unsubscribe, End), one writes (Take). After a takeover all do nothing.
type Session struct{}

// Client is who it is.
func (s *Session) Client() *Client { panic("soon") }

// Expiry is how long the session remains, as the broker allows it: for CONNACK when it is not what was asked.
func (s *Session) Expiry() uint32 { panic("soon") }

// Publish takes publications in order and fills in Reason; acknowledge QoS 1 and 2 when it returns nil.
// After an error nothing may be acknowledged, and the connection must end.
func (s *Session) Publish(ctx context.Context, pubs []Publication) error { panic("soon") }

// Release is PUBREL in; what it returns goes out with PUBCOMP, after Settle.
func (s *Session) Release(id uint16) mqtt.ReasonCode { panic("soon") }

// Settle waits until what was done is kept (Config.Commit): once per burst of PUBRELs, before the PUBCOMPs.
func (s *Session) Settle(ctx context.Context) error { panic("soon") }

// Acked is PUBACK in. Received is PUBREC in (a PUBREL comes with Take), Completed PUBCOMP.
func (s *Session) Acked(id uint16, code mqtt.ReasonCode)    { panic("soon") }
func (s *Session) Received(id uint16, code mqtt.ReasonCode) { panic("soon") }
func (s *Session) Completed(id uint16)                      { panic("soon") }

// Take appends what may be sent now, up to cap(out) or 64 if that is full, and about maxBytes; more: call again, no Wake comes.
func (s *Session) Take(out []Delivery, maxBytes int) (_ []Delivery, more bool) { panic("soon") }

// Subscribe gives a code per subscription, for SUBACK. Retained messages come with Take.
func (s *Session) Subscribe(ctx context.Context, subs []mqtt.Subscription, id uint32) []mqtt.ReasonCode {
	panic("soon")
}

// Unsubscribe gives a code per filter.
func (s *Session) Unsubscribe(ctx context.Context, filters []string) []mqtt.ReasonCode {
	panic("soon")
}

// Asleep says that the client does not read for a while (MQTT-SN): its queue drops the oldest instead of cutting it.
func (s *Session) Asleep(asleep bool) { panic("soon") }

// End is the connection's end. Only the first call counts.
func (s *Session) End(ctx context.Context, e End) { panic("soon") }

// Append adds the packet as version v has it.
func (d *Delivery) Append(dst []byte, v mqtt.Version) []byte { panic("soon") }

// Frame gives the whole packet when it is one that many get (QoS 0, without subscription ids), made once for all; else nil. Do not change it.
func (d *Delivery) Frame(v mqtt.Version) []byte { panic("soon") }
