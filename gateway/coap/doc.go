// Package coap is the door for CoAP nodes: a Pyaiot CoAP gateway over one UDP
// socket that its caller opened, plus what a modern node wants (observation,
// block-wise transfer, honest answers). docs/protocols/coap.md says what a node
// sees.
//
//	conn, err := coap.Listen(":5683")
//	door := coap.New(coap.Config{Conns: coap.Conns(conn), Core: switchboard, Log: log, Presence: registry.Presence()})
//	err = door.Run(ctx) // blocks; conn stays the caller's to close
//
// A value takes the fast path: it is handed to the Core on the goroutine that read
// it from the socket. What may wait for a disk (a node that is new or has
// restarted; everything, with Config.Slow) goes to a lane: a bounded queue with one
// worker, always the same for one node, so that its messages keep their order.
//
// Locks are taken in the order nodes.mu, node.mu; neither is held while the Core
// or the socket is called.
package coap
