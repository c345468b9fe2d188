// Package mqttsn is the door for MQTT-SN 1.2 nodes: a gateway over UDP sockets that
// its caller opened, whose clients are ordinary sessions of the broker.
// docs/protocols/mqtt-sn.md says what a node sees.
//
//	sockets, err := mqttsn.Listen(":1885")
//	door := mqttsn.New(mqttsn.Config{Conns: mqttsn.Conns(sockets), Broker: broker, Log: log})
//	err = door.Run(ctx) // blocks; the sockets stay the caller's to close
//
// One goroutine reads each socket and hands what it reads to a lane: a bounded queue
// with one worker. A client belongs to the lane that its client id falls on, whatever
// address it comes from, and only that lane's worker touches it; the directory from
// address to client is the only thing the lanes share. A client asleep is a value in
// its lane and an entry in the lane's heap of deadlines: it has no goroutine and no
// timer of its own.
//
// The broker wakes a client by Wake, from any goroutine: that marks it in its lane,
// whose worker then pulls what waits (pump).
package mqttsn
