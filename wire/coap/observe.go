package coap

import "time"

// Values of Observe in a GET (RFC 7641, 2).
const (
	Register   = 0
	Deregister = 1
)

// Fresher says whether a notification is newer than the newest known one, given
// their Observe values (24 bits, wrapping) and the time between their arrivals
// (RFC 7641, 3.4).
func Fresher(known, next uint32, apart time.Duration) bool {
	const half = 1 << 23
	known, next = known&0xffffff, next&0xffffff
	return known < next && next-known < half ||
		known > next && known-next > half ||
		apart > 128*time.Second
}
