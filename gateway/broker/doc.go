// Package broker is MQTT's heart without sockets, for 3.1, 3.1.1 and 5: who is
// subscribed to what, sessions with their two spaces of packet ids, retained messages,
// wills, and a journal of what must outlive the process. Doors bring connections and
// packets (gateway/mqtt, gateway/mqttsn); Hooks say what topics mean and who may do what.
//
//	door, one goroutine reads                        door, another writes
//	   Connect, Publish, Release, Acked, …               Take  ◄── Wake
//	      │                                                ▲
//	      ▼                                                │
//	   Hooks.Take ──► route of the topic ──► offer ──► row of the session
//	                      ▲                                │
//	                      │ kept until a filter changes    ▼
//	                 tree of filters                    journal, in batches
//
// # How it is quick
//
// A topic's receivers are looked up once and kept; a filter that comes or goes counts up
// a mark of the topics that it may match, and a kept route is good as long as its marks
// are the same. So publishing takes no lock of the tree. A Message is shared by all who
// get it, and so is its packet of QoS 0, which is made while the payload is copied out of
// the door's buffer. A burst of publications wakes each receiver once.
//
// # What is bounded
//
// See Limits. What happens at the bounds:
//
//   - A row of messages that wait (MaxQueued, MaxQueuedBytes) is full: QoS 0 is dropped and
//     counted. QoS 1 and 2 take the place of QoS 0; then, of a client that is away or
//     asleep, the oldest are dropped and counted. A client that is connected and does not
//     read is cut with 0x97, quota exceeded, and its session, if it remains, goes on as one
//     that is away. Retained messages for a new subscription may go past the bound, once.
//   - Half full already: the publisher waits, up to 100 ms per burst, for a client that
//     reads; one that took less than 512 packets meanwhile is not waited for again before it
//     has caught up. Nobody waits for itself.
//   - MaxInflight, or the client's receive maximum: QoS 1 and 2 wait in the row; QoS 0 goes on.
//   - ReceiveMaximum: an MQTT 5 client with more QoS 2 unreleased is told 0x93.
//   - MaxRetained, MaxRetainedBytes: a new topic's message is not kept. An MQTT 5 client that
//     published it with QoS 1 or 2 is refused (0x97, not routed); any other reaches those who
//     listen now.
//   - MaxSessions: the session that is away longest is ended. All connected: refused.
//   - MaxSubscriptions, and 128 levels in a filter: 0x97 in SUBACK.
//
// # How the standard was read
//
//   - Overlapping subscriptions deliver once, with the highest QoS and all subscription ids;
//     the retain flag is as published if one of them wants it so; with no-local, a client gets
//     its own message only by its other filters.
//   - Messages of one QoS keep their order; QoS 0 may overtake while the window is full.
//   - QoS 2 is routed when PUBLISH comes, its id kept until PUBREL.
//   - PUBREL that is sent again counts in the window of the new connection.
//   - A session without expiry (3.1.1: a clean one) ends with its connection, also when the
//     same client takes that over.
//   - Shared subscriptions: the members that are connected and awake take turns; without any,
//     the others. What a member whose session ends has not acknowledged (QoS 1) or was never
//     sent (QoS 2) goes to another.
//   - Clients may not publish to topics that begin with $.
//   - Wills of clients that were connected when the process was killed are not published.
//
// What the journal promises is in docs/protocols/mqtt-promises.md, its bytes in
// docs/format/broker.md.
package broker
