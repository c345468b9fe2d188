package coap

// Type is what the message layer makes of a message (RFC 7252, 3).
type Type uint8

const (
	Confirmable     Type = iota // is to be acknowledged
	NonConfirmable              // is not
	Acknowledgement             // of a confirmable message, with or without a response
	Reset                       // of a message that could not be processed
)

var typeNames = [4]string{"CON", "NON", "ACK", "RST"}

// String gives the short form of the RFC's diagrams: CON, NON, ACK, RST.
func (t Type) String() string { return typeNames[t&3] }
