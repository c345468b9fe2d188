package mqtt

// MaxRemaining is the greatest remaining length that four bytes can say.
const MaxRemaining = 268_435_455

// Scan gives the length of the packet that buf begins with, 0 while buf does not hold
// all of its header or of the rest. max bounds the whole packet in bytes; 0: only the
// format does. It fails with PacketTooLarge, or with MalformedPacket on a remaining
// length of more than four bytes.
func Scan(buf []byte, max int) (packetLen int, err error) {
	head, rest, err := header(buf)
	if head == 0 || err != nil {
		return 0, err
	}
	if max > 0 && head+rest > max {
		return 0, &Error{Code: PacketTooLarge, Packet: TypeOf(buf[0]), What: "more than may be sent at once"}
	}
	if len(buf) < head+rest {
		return 0, nil
	}
	return head + rest, nil
}

// Want is how many bytes the packet that buf begins with will have; 0: not known yet.
// It is for those who make room.
func Want(buf []byte) int {
	head, rest, err := header(buf)
	if head == 0 || err != nil {
		return 0
	}
	return head + rest
}

// header gives the sizes of the fixed header (0: not whole yet) and of what follows.
func header(buf []byte) (head, rest int, err error) {
	for i := 1; i < len(buf) && i <= 4; i++ {
		rest |= int(buf[i]&0x7f) << (7 * (i - 1))
		if buf[i] < 0x80 {
			return i + 1, rest, nil
		}
		if i == 4 {
			return 0, 0, &Error{Code: MalformedPacket, Packet: TypeOf(buf[0]), What: "a remaining length of more than four bytes"}
		}
	}
	return 0, 0, nil
}
