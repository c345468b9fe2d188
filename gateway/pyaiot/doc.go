// Package pyaiot is the door for Pyaiot's two WebSockets: /gw, where foreign
// gateways dial in with a token and report their nodes, and /ws, where Pyaiot's
// web pages watch the fleet and send commands.
//
// A gateway has one goroutine, which reads. A web client has two: one reads, and
// once the client has announced itself one writes what the hub made of the live
// feed. The hub is one goroutine for all: it turns each event into a WebSocket
// frame once and appends it to a ring that every client reads at its own pace.
// Who falls behind the ring, or leaves a write waiting for 10 s, is cut.
package pyaiot
