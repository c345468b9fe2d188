// Package mqtt turns MQTT packets into values and back: MQTT 5, 3.1.1, and what 3.1
// has of its own. It opens no sockets.
//
//	bit  7 6 5 4   3 2 1 0
//	    +---------+---------+--------------------------+------------------+---------+
//	    |  Type   |  flags  | remaining length, 1 to 4 | variable header  | payload |
//	    +---------+---------+--------------------------+------------------+---------+
//
// A reader finds the end of the first packet with Scan and gives it whole to the
// Parse method of its type, or to Parse. Every packet type has
//
//	Append(dst []byte, v Version) []byte      // allocates nothing but room in dst
//	Parse(v Version, packet []byte) error     // *Error says what is wrong
//
// Strings that Parse gives are copies. Byte slices (payloads, passwords, correlation
// data) are borrowed from the packet: copy them before its buffer is used again.
// Reason codes are those of MQTT 5 throughout; Append and Parse translate where an
// older version has its own.
package mqtt
