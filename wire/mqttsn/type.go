package mqttsn

import "fmt"

// Type is the second field of a frame (5.2.2).
type Type byte

// The types of MQTT-SN 1.2.
const (
	TypeAdvertise     Type = 0x00
	TypeSearchGW      Type = 0x01
	TypeGWInfo        Type = 0x02
	TypeConnect       Type = 0x04
	TypeConnack       Type = 0x05
	TypeWillTopicReq  Type = 0x06
	TypeWillTopic     Type = 0x07
	TypeWillMsgReq    Type = 0x08
	TypeWillMsg       Type = 0x09
	TypeRegister      Type = 0x0A
	TypeRegack        Type = 0x0B
	TypePublish       Type = 0x0C
	TypePuback        Type = 0x0D
	TypePubcomp       Type = 0x0E
	TypePubrec        Type = 0x0F
	TypePubrel        Type = 0x10
	TypeSubscribe     Type = 0x12
	TypeSuback        Type = 0x13
	TypeUnsubscribe   Type = 0x14
	TypeUnsuback      Type = 0x15
	TypePingreq       Type = 0x16
	TypePingresp      Type = 0x17
	TypeDisconnect    Type = 0x18
	TypeWillTopicUpd  Type = 0x1A
	TypeWillTopicResp Type = 0x1B
	TypeWillMsgUpd    Type = 0x1C
	TypeWillMsgResp   Type = 0x1D
	TypeEncapsulated  Type = 0xFE

	noType Type = 0xFF // reserved by the standard, so no frame has it
)

var typeNames = map[Type]string{
	TypeAdvertise: "ADVERTISE", TypeSearchGW: "SEARCHGW", TypeGWInfo: "GWINFO",
	TypeConnect: "CONNECT", TypeConnack: "CONNACK",
	TypeWillTopicReq: "WILLTOPICREQ", TypeWillTopic: "WILLTOPIC", TypeWillMsgReq: "WILLMSGREQ", TypeWillMsg: "WILLMSG",
	TypeRegister: "REGISTER", TypeRegack: "REGACK",
	TypePublish: "PUBLISH", TypePuback: "PUBACK", TypePubcomp: "PUBCOMP", TypePubrec: "PUBREC", TypePubrel: "PUBREL",
	TypeSubscribe: "SUBSCRIBE", TypeSuback: "SUBACK", TypeUnsubscribe: "UNSUBSCRIBE", TypeUnsuback: "UNSUBACK",
	TypePingreq: "PINGREQ", TypePingresp: "PINGRESP", TypeDisconnect: "DISCONNECT",
	TypeWillTopicUpd: "WILLTOPICUPD", TypeWillTopicResp: "WILLTOPICRESP",
	TypeWillMsgUpd: "WILLMSGUPD", TypeWillMsgResp: "WILLMSGRESP",
	TypeEncapsulated: "encapsulated message",
}

// String is the standard's name, or the number of a type that it reserves.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type 0x%02X", byte(t))
}
