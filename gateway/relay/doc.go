// Package relay is Roost's own line between a far gateway and its hub: one
// WebSocket that the far end dials, with the token of Pyaiot's key file.
//
// The far end is a Client: a gateway.Core for the doors there. What things say goes
// into a spool on disk, as numbered entries, and from there to the hub, in order,
// until the hub has acknowledged it. While the line is down the doors do not notice.
//
// The hub's end is a Server: it gives the entries to its own gateway.Core, with the
// times they were made, and acknowledges what is safely kept. Commands go the other
// way: each far thing is a gateway.Link whose Send waits for the far door's outcome.
//
// While an old spool is replayed, what things say now travels beside it as copies,
// so that a live page is live; the entries themselves follow in their turn. So an
// entry may come twice, which does no harm: readings have their times, and a late
// value replaces no newer one.
//
// The bytes of line and spool are in docs/protocols/relay.md.
package relay
