package coap

// sound says whether a value has a length that the option's definition allows;
// one that has not is treated like an unrecognized option (RFC 7252, 5.4.3).
func sound(n OptionNumber, value []byte) bool {
	r, known := rules[n]
	return !known || len(value) >= r.least && len(value) <= r.most
}

// Unrecognized finds the first critical option that the receiver must reject:
// one not understood, one whose value has an impossible length, or the second
// of one that may stand only once (RFC 7252, 5.4.1, 5.4.3, 5.4.5).
func (o Options) Unrecognized(understood func(OptionNumber) bool) (n OptionNumber, found bool) {
	for i := range o {
		n := o[i].Number
		if !n.Critical() {
			continue
		}
		if n == URIPath && len(o[i].Value) <= 255 { // the common one; saves the table
			continue
		}
		if !understood(n) || !sound(n, o[i].Value) {
			return n, true
		}
		if i > 0 && o[i-1].Number == n && !rules[n].repeatable {
			return n, true
		}
	}
	return 0, false
}
