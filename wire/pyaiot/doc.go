// Package pyaiot is Pyaiot's wire: the key file, the Fernet token of a gateway,
// and the JSON messages between nodes, gateways, broker and web clients. It turns
// bytes into values and back and does no I/O but the key file's.
//
// What the messages mean stands in docs/protocols/pyaiot.md.
package pyaiot
