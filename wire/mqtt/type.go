package mqtt

// Type is a control packet's type (MQTT 5, 2.1.2).
type Type byte

// The types that exist.
const (
	TypeConnect     Type = 1
	TypeConnack     Type = 2
	TypePublish     Type = 3
	TypePuback      Type = 4
	TypePubrec      Type = 5
	TypePubrel      Type = 6
	TypePubcomp     Type = 7
	TypeSubscribe   Type = 8
	TypeSuback      Type = 9
	TypeUnsubscribe Type = 10
	TypeUnsuback    Type = 11
	TypePingreq     Type = 12
	TypePingresp    Type = 13
	TypeDisconnect  Type = 14
	TypeAuth        Type = 15
)

var typeNames = [16]string{
	"reserved", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
	"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH",
}

// String gives the name in the standard's capitals.
func (t Type) String() string { return typeNames[t&15] }

// TypeOf is the type of the packet whose first byte is b.
func TypeOf(b byte) Type { return Type(b >> 4) }

// Packet is any of them: *Connect, *Connack, *Publish, *Ack, *Subscribe, *Suback,
// *Unsubscribe, *Unsuback, *Ping, *Disconnect, *Auth.
type Packet interface {
	// Append adds the packet's bytes, in version v, to dst.
	Append(dst []byte, v Version) []byte
	// Parse reads the packet, header included, that Scan found.
	Parse(v Version, packet []byte) error
}

// UserProperty is a name and a value (MQTT 5, 3.1.2.11.8). Names may come twice.
type UserProperty struct{ Name, Value string }
