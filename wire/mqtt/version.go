package mqtt

import "strconv"

// Version is the protocol level of a CONNECT packet.
type Version byte

// The versions that exist.
const (
	V31  Version = 3
	V311 Version = 4
	V5   Version = 5
)

// String gives 3.1, 3.1.1 or 5.
func (v Version) String() string {
	switch v {
	case V31:
		return "3.1"
	case V311:
		return "3.1.1"
	}
	return strconv.Itoa(int(v))
}
