package pyaiot

// Resync asks a gateway for all that it knows, addressed to everybody: real
// gateways take "all" for the id of a client.
const Resync = `{"type": "new", "data": "client", "src": "all"}`

// Discover asks a WebSocket node for its resources. Nodes compare it byte for byte.
const Discover = `{"request": "discover"}`

// AppendNew appends a node's new.
func AppendNew(dst []byte, uid, to string) []byte {
	dst = append(dst, `{"type": "new", "uid": `...)
	dst = appendString(dst, uid, false)
	dst = append(dst, `, "dst": `...)
	return append(appendString(dst, to, false), '}')
}

// AppendUpdate appends a node's update; value is JSON text, which keeps its digits.
func AppendUpdate(dst []byte, uid, endpoint, value, to string) []byte {
	dst = append(dst, `{"type": "update", "uid": `...)
	dst = appendString(dst, uid, false)
	dst = append(dst, `, "endpoint": `...)
	dst = appendString(dst, endpoint, false)
	dst = append(dst, `, "data": `...)
	dst = appendValue(dst, value, false)
	dst = append(dst, `, "dst": `...)
	return append(appendString(dst, to, false), '}')
}

// AppendOut appends a node's out.
func AppendOut(dst []byte, uid string) []byte {
	dst = append(dst, `{"type": "out", "uid": `...)
	return append(appendString(dst, uid, false), '}')
}

// AppendReset appends a node's reset.
func AppendReset(dst []byte, uid string) []byte {
	dst = append(dst, `{"type": "reset", "uid": `...)
	return append(appendString(dst, uid, false), '}')
}

// AppendCommand appends a command as a broker hands it to gateways. payload is
// text, sent as a JSON string: real gateways break on anything else.
func AppendCommand(dst []byte, uid, endpoint, payload, src string) []byte {
	dst = append(dst, `{"type": "update", "data": {"uid": `...)
	dst = appendString(dst, uid, false)
	dst = append(dst, `, "endpoint": `...)
	dst = appendString(dst, endpoint, false)
	dst = append(dst, `, "payload": `...)
	dst = appendString(dst, payload, false)
	dst = append(dst, `}, "src": `...)
	return append(appendString(dst, src, false), '}')
}

// AppendWrite appends a command as a WebSocket node gets it: ASCII only; value is JSON text.
func AppendWrite(dst []byte, endpoint, value string) []byte {
	dst = append(dst, `{"endpoint": `...)
	dst = appendString(dst, endpoint, true)
	dst = append(dst, `, "payload": `...)
	dst = appendValue(dst, value, true)
	return append(dst, '}')
}
