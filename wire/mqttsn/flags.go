package mqttsn

// QoS is a quality of service.
type QoS int8

// A publication of QoS −1 needs no connection and is not answered.
const (
	QoSMinus1 QoS = -1
	QoS0      QoS = 0
	QoS1      QoS = 1
	QoS2      QoS = 2
)

// flags is the field of that name (5.3.4).
//
//	  7     6   5     4       3        2          1   0
//	+-----+-------+--------+------+----------+-----------+
//	| DUP |  QoS  | Retain | Will | CleanSes | TopicKind |
//	+-----+-------+--------+------+----------+-----------+
type flags byte

const (
	flagDup    flags = 0x80
	flagRetain flags = 0x10
	flagWill   flags = 0x08
	flagClean  flags = 0x04
)

func (f flags) has(bit flags) bool { return f&bit != 0 }

// qos: both bits set mean −1.
func (f flags) qos() QoS {
	if q := QoS(f >> 5 & 3); q != 3 {
		return q
	}
	return QoSMinus1
}

func (f flags) kind() TopicKind { return TopicKind(f & 3) }

func (f flags) with(bit flags, set bool) flags {
	if set {
		return f | bit
	}
	return f
}

func qosFlags(q QoS) flags { return flags(q&3) << 5 }
