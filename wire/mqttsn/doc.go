// Package mqttsn turns MQTT-SN 1.2 datagrams into values and back. It opens no sockets.
//
//	short form, up to 255 bytes            long form, up to 65,535 bytes
//	+--------+------+-----------+          +------+-----------+------+-----------+
//	| Length | Type | Body ...  |          | 0x01 | Length:2  | Type | Body ...  |
//	+--------+------+-----------+          +------+-----------+------+-----------+
//
// Length counts the whole frame, itself included. A datagram is one frame. Only a
// forwarder's encapsulation (5.4.20) is followed by a second one, which its Length
// does not count.
//
// Parse reads any frame. Scan and the Read functions do the same without an
// allocation for the value itself. Byte slices in what they return lie in the
// datagram; strings are copies.
package mqttsn
