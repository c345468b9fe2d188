package mqtt

import "bytes"

// sample is a packet and its bytes in a version. bytes: hex; "" leaves it to the round trip.
type sample struct {
	name string
	v    Version
	p    Packet
	hex  string
}

var someUser = []UserProperty{{"a", "1"}, {"a", "2"}, {"", ""}}

func fullProps() PublishProps {
	return PublishProps{
		PayloadFormat: 1, HasExpiry: true, Expiry: 60, ContentType: "text/plain", ResponseTopic: "r/t",
		CorrelationData: []byte{1, 2}, User: someUser,
	}
}

func samples() []sample {
	withIDs := fullProps()
	withIDs.SubscriptionIDs, withIDs.TopicAlias = []uint32{1, 268_435_455}, 7
	return append([]sample{
		{"connect", V311, &Connect{Version: V311, CleanStart: true, KeepAlive: 60, ClientID: "c"}, "100d00044d51545404" + "02003c" + "000163"},
		{"connect 5", V5, &Connect{Version: V5, CleanStart: true, KeepAlive: 60, ClientID: "c"}, "100e00044d51545405" + "02003c" + "00" + "000163"},
		{"connect 3.1", V31, &Connect{Version: V31, KeepAlive: 1, ClientID: "c", HasUserName: true, UserName: "u", HasPassword: true, Password: []byte("p")}, "101500064d514973647003" + "c00001" + "000163" + "000175" + "000170"},
		{"connect bridge", V311, &Connect{Version: V311, Bridge: true, ClientID: "c"}, "100d00044d51545484" + "000000" + "000163"},
		{"connect will", V311, &Connect{Version: V311, ClientID: "c", Will: &Will{Topic: "w", Payload: []byte("gone"), QoS: 2, Retain: true}}, "101600044d51545404" + "340000" + "000163" + "000177" + "0004676f6e65"},
		{"connect will empty", V311, &Connect{Version: V311, ClientID: "", CleanStart: true, Will: &Will{Topic: "w", Payload: []byte{}}}, ""},
		{"connect full", V5, &Connect{
			Version: V5, KeepAlive: 65535, ClientID: "é", SessionExpiry: NoExpiry, ReceiveMaximum: 20, MaxPacket: 1000, TopicAliasMax: 5,
			RequestResponse: true, NoProblemInfo: true, User: someUser, AuthMethod: "SCRAM", AuthData: []byte{},
			HasPassword: true, Password: []byte{0, 255}, Will: &Will{Topic: "w/w", Payload: []byte{0}, QoS: 1, Delay: 3, Props: fullProps()},
		}, ""},
		{"connack", V311, &Connack{SessionPresent: true}, "20020100"},
		{"connack refused", V311, &Connack{Code: NotAuthorized}, "20020005"},
		{"connack 3.1", V31, &Connack{Code: ClientIDNotValid}, "20020002"},
		{"connack 5", V5, &Connack{}, "2003000000"},
		{"connack 5 from an old server", V5, &Connack{Code: UnsupportedProtocolVersion}, ""},
		{"connack full", V5, &Connack{
			SessionPresent: true, HasSessionExpiry: true, SessionExpiry: 0, ReceiveMaximum: 1, LimitQoS: true, MaxQoS: 1, NoRetain: true, MaxPacket: 9,
			AssignedID: "id", TopicAliasMax: 2, Reason: "why", User: someUser, NoWildcards: true, NoSubscriptionIDs: true, NoShared: true,
			HasKeepAlive: true, KeepAlive: 0, ResponseInfo: "info", ServerReference: "other", AuthMethod: "m", AuthData: []byte("d"),
		}, ""},
		{"publish", V311, &Publish{Topic: "a/b", Payload: []byte("hi")}, "30070003612f626869"},
		{"publish 5", V5, &Publish{Topic: "a/b", Payload: []byte("hi")}, "30080003612f62006869"},
		{"publish again", V311, &Publish{Topic: "a", QoS: 1, Dup: true, Retain: true, ID: 258, Payload: []byte{}}, "3b050001610102"},
		{"publish alias", V5, &Publish{QoS: 2, ID: 1, Props: PublishProps{TopicAlias: 9}, Payload: []byte{}}, "340800000001" + "03230009"},
		{"publish full", V5, &Publish{Topic: "ä", QoS: 2, ID: 65535, Payload: bytes.Repeat([]byte("x"), 300), Props: withIDs}, ""},
		{"publish long", V311, &Publish{Topic: "t", Payload: bytes.Repeat([]byte("x"), 200_000)}, ""},
		{"publish much", V5, &Publish{Topic: "t", Payload: []byte{}, Props: PublishProps{ContentType: string(bytes.Repeat([]byte("c"), 20_000))}}, ""},
	}, answers()...)
}

func answers() []sample {
	return []sample{
		{"puback", V311, &Ack{Type: TypePuback, ID: 1}, "40020001"},
		{"pubrec", V5, &Ack{Type: TypePubrec, ID: 2, Code: NoMatchingSubscribers}, "5003000210"},
		{"pubrel", V311, &Ack{Type: TypePubrel, ID: 3}, "62020003"},
		{"pubcomp", V5, &Ack{Type: TypePubcomp, ID: 4, Code: PacketIDNotFound, Reason: "?", User: someUser}, ""},
		{"subscribe", V311, &Subscribe{ID: 10, Subscriptions: []Subscription{{Filter: "a/#", QoS: 1}, {Filter: "+", QoS: 2}}}, "820c000a" + "0003612f2301" + "00012b02"},
		{"subscribe 5", V5, &Subscribe{ID: 10, SubscriptionID: 128, Subscriptions: []Subscription{{Filter: "a", QoS: 1, NoLocal: true, RetainAsPublished: true, RetainHandling: 2}}}, "820a000a" + "030b8001" + "0001612d"},
		{"subscribe user", V5, &Subscribe{ID: 1, Subscriptions: []Subscription{{Filter: "$share/g/a"}}, User: someUser}, ""},
		{"suback", V311, &Suback{ID: 10, Codes: []ReasonCode{GrantedQoS1, UnspecifiedError}}, "9004000a0180"},
		{"suback 5", V5, &Suback{ID: 10, Codes: []ReasonCode{NotAuthorized}, Reason: "no"}, "9009000a" + "051f00026e6f" + "87"},
		{"unsubscribe", V311, &Unsubscribe{ID: 11, Filters: []string{"a", "b"}}, "a208000b000161000162"},
		{"unsubscribe 5", V5, &Unsubscribe{ID: 11, Filters: []string{"a"}, User: someUser[:1]}, "a20d000b" + "0726000161000131" + "000161"},
		{"unsuback", V311, &Unsuback{ID: 11}, "b002000b"},
		{"unsuback 5", V5, &Unsuback{ID: 11, Codes: []ReasonCode{Success, NoSubscriptionExisted}, User: someUser}, ""},
		{"pingreq", V311, &Ping{Type: TypePingreq}, "c000"},
		{"pingresp", V5, &Ping{Type: TypePingresp}, "d000"},
		{"disconnect", V311, &Disconnect{}, "e000"},
		{"disconnect 5", V5, &Disconnect{Code: SessionTakenOver}, "e0018e"},
		{"disconnect full", V5, &Disconnect{Code: ServerMoved, HasSessionExpiry: true, SessionExpiry: 7, Reason: "r", ServerReference: "s", User: someUser}, ""},
		{"auth", V5, &Auth{}, "f000"},
		{"auth full", V5, &Auth{Code: ContinueAuthentication, Method: "m", Data: []byte{9}, Reason: "r", User: someUser}, ""},
	}
}
