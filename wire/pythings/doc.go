// Package pythings is the wire of PythingsOS 1.x devices: requests in, one-line ASCII
// JSON out, and the payload encryption that they know (cipher aes128ecb, key exchange
// srsa1). It turns bytes into values and back and does no I/O.
//
// What the calls mean stands in docs/protocols/pythings.md.
package pythings
