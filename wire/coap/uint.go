package coap

// oneByte holds every value of one byte, so that small numbers need no memory.
var oneByte = func() (b [256]byte) {
	for i := range b {
		b[i] = byte(i)
	}
	return b
}()

// EncodeUint is v as an option value: the least bytes that hold it, the upper
// one first, none for 0 (RFC 7252, 3.2). The slice is not to be written to.
func EncodeUint(v uint32) []byte {
	switch {
	case v == 0:
		return []byte{}
	case v < 1<<8:
		return oneByte[v : v+1 : v+1]
	case v < 1<<16:
		return []byte{byte(v >> 8), byte(v)}
	case v < 1<<24:
		return []byte{byte(v >> 16), byte(v >> 8), byte(v)}
	}
	return []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// DecodeUint reads an option value; leading zero bytes are allowed. Not ok:
// longer than four bytes.
func DecodeUint(b []byte) (v uint32, ok bool) {
	if len(b) > 4 {
		return 0, false
	}
	for _, c := range b {
		v = v<<8 | uint32(c)
	}
	return v, true
}

// Uint returns the first option of that number as an unsigned number. Not ok:
// there is none, or its value is longer than the option's definition allows.
func (o Options) Uint(n OptionNumber) (v uint32, ok bool) {
	b, ok := o.Get(n)
	if !ok || !sound(n, b) {
		return 0, false
	}
	return DecodeUint(b)
}

// SetUint replaces every option of that number by one of value v.
func (o *Options) SetUint(n OptionNumber, v uint32) { o.Set(n, EncodeUint(v)) }
