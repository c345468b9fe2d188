// Package mqttclient is an MQTT client that does not give up: it speaks MQTT 5 and
// falls back to 3.1.1 (and to 3.1) for brokers that know no better, makes its
// connection anew whatever went wrong, its subscriptions with it, and sends again what
// was not acknowledged. It is small: one goroutine and about 7 kB per idle
// connection, its stack included, for there may be 20,000 of them in a process.
//
// All that a client owns is guarded by Client.mu. Run's goroutine dials and reads;
// whoever has something to say appends its bytes to link.out, and who finds nobody
// writing writes, for all (write.go).
package mqttclient
