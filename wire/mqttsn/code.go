package mqttsn

import "fmt"

// ReturnCode is the answer to a request (5.3.10).
type ReturnCode byte

// The return codes of MQTT-SN 1.2.
const (
	Accepted       ReturnCode = 0
	Congestion     ReturnCode = 1 // try again later
	InvalidTopicID ReturnCode = 2
	NotSupported   ReturnCode = 3
)

// String is the standard's wording.
func (c ReturnCode) String() string {
	switch c {
	case Accepted:
		return "accepted"
	case Congestion:
		return "rejected: congestion"
	case InvalidTopicID:
		return "rejected: invalid topic id"
	case NotSupported:
		return "rejected: not supported"
	}
	return fmt.Sprintf("return code 0x%02X", byte(c))
}
