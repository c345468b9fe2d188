package mqtt

// codeSet is a set of reason codes.
type codeSet [4]uint64

func codesOf(codes ...ReasonCode) (s codeSet) {
	for _, c := range codes {
		s[c>>6] |= 1 << (c & 63)
	}
	return s
}

func (s *codeSet) has(c ReasonCode) bool { return s[c>>6]&(1<<(c&63)) != 0 }

// The codes that each packet may hold (MQTT 5, 2.4).
var (
	connackCodes = codesOf(Success, UnspecifiedError, MalformedPacket, ProtocolError, ImplementationError,
		UnsupportedProtocolVersion, ClientIDNotValid, BadUserNameOrPassword, NotAuthorized, ServerUnavailable, ServerBusy,
		Banned, ServerShuttingDown, BadAuthenticationMethod, TopicNameInvalid, PacketTooLarge, QuotaExceeded, PayloadFormatInvalid,
		RetainNotSupported, QoSNotSupported, UseAnotherServer, ServerMoved, ConnectionRateExceeded)
	receiptCodes = codesOf(Success, NoMatchingSubscribers, UnspecifiedError, ImplementationError, NotAuthorized,
		TopicNameInvalid, PacketIDInUse, QuotaExceeded, PayloadFormatInvalid)
	releaseCodes = codesOf(Success, PacketIDNotFound)
	subackCodes  = codesOf(GrantedQoS0, GrantedQoS1, GrantedQoS2, UnspecifiedError, ImplementationError, NotAuthorized,
		TopicFilterInvalid, PacketIDInUse, QuotaExceeded, SharedNotSupported, SubscriptionIDNotSupported, WildcardNotSupported)
	oldSubackCodes = codesOf(GrantedQoS0, GrantedQoS1, GrantedQoS2, UnspecifiedError)
	unsubackCodes  = codesOf(Success, NoSubscriptionExisted, UnspecifiedError, ImplementationError, NotAuthorized,
		TopicFilterInvalid, PacketIDInUse)
	disconnectCodes = codesOf(NormalDisconnection, DisconnectWithWill, UnspecifiedError, MalformedPacket, ProtocolError,
		ImplementationError, NotAuthorized, ServerBusy, ServerShuttingDown, BadAuthenticationMethod, KeepAliveTimeout,
		SessionTakenOver, TopicFilterInvalid, TopicNameInvalid, ReceiveMaximumExceeded, TopicAliasInvalid, PacketTooLarge,
		MessageRateTooHigh, QuotaExceeded, AdministrativeAction, PayloadFormatInvalid, RetainNotSupported, QoSNotSupported,
		UseAnotherServer, ServerMoved, SharedNotSupported, ConnectionRateExceeded, MaximumConnectTime,
		SubscriptionIDNotSupported, WildcardNotSupported)
	authCodes = codesOf(Success, ContinueAuthentication, ReAuthenticate)
)

func (r *reader) code(from *codeSet) ReasonCode {
	c := ReasonCode(r.byte())
	if !from.has(c) {
		r.fail(ProtocolError, "a reason code that it cannot have")
	}
	return c
}
