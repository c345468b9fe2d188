package mqttsn

// Error says what is wrong with a frame. Its Type is 0xFF when the frame ends
// before it tells, or has none of those that the standard gives a meaning.
type Error struct {
	Type  Type
	Fault string
}

func (e *Error) Error() string {
	if e.Type == noType {
		return "mqttsn: " + e.Fault
	}
	return "mqttsn: " + e.Type.String() + ": " + e.Fault
}

func fault(t Type, what string) error { return &Error{Type: t, Fault: what} }

// exactly checks the length of a body that has only one.
func exactly(t Type, body []byte, n int) error {
	switch {
	case len(body) < n:
		return fault(t, "ends too early")
	case len(body) > n:
		return fault(t, "has more bytes than its fields")
	}
	return nil
}

// least checks the length of a body that ends with a field of any length.
func least(t Type, body []byte, n int) error {
	if len(body) < n {
		return fault(t, "ends too early")
	}
	return nil
}
