package coap

// OptionNumber names an option; its lowest bits say how one who does not know
// it treats it (RFC 7252, 5.4.6).
type OptionNumber uint16

// Options (RFC 7252, 5.10; RFC 7641; RFC 7959; RFC 7967; RFC 8613; RFC 9175).
const (
	IfMatch       OptionNumber = 1
	URIHost       OptionNumber = 3
	ETag          OptionNumber = 4
	IfNoneMatch   OptionNumber = 5
	Observe       OptionNumber = 6
	URIPort       OptionNumber = 7
	LocationPath  OptionNumber = 8
	OSCORE        OptionNumber = 9
	URIPath       OptionNumber = 11
	ContentFormat OptionNumber = 12
	MaxAge        OptionNumber = 14
	URIQuery      OptionNumber = 15
	HopLimit      OptionNumber = 16
	Accept        OptionNumber = 17
	LocationQuery OptionNumber = 20
	Block2        OptionNumber = 23
	Block1        OptionNumber = 27
	Size2         OptionNumber = 28
	ProxyURI      OptionNumber = 35
	ProxyScheme   OptionNumber = 39
	Size1         OptionNumber = 60
	Echo          OptionNumber = 252
	NoResponse    OptionNumber = 258
	RequestTag    OptionNumber = 292
)

// Option is one option of a message. In a parsed message Value lies in the
// datagram it was parsed from.
type Option struct {
	Number OptionNumber
	Value  []byte
}

// rule is what the RFCs say of an option's value: its length in bytes and
// whether it may stand in a message more than once.
type rule struct {
	name       string
	least      int
	most       int
	repeatable bool
}

// rules of RFC 7252, table 4, and of the later documents.
var rules = map[OptionNumber]rule{
	IfMatch:       {"If-Match", 0, 8, true},
	URIHost:       {"Uri-Host", 1, 255, false},
	ETag:          {"ETag", 1, 8, true},
	IfNoneMatch:   {"If-None-Match", 0, 0, false},
	Observe:       {"Observe", 0, 3, false},
	URIPort:       {"Uri-Port", 0, 2, false},
	LocationPath:  {"Location-Path", 0, 255, true},
	OSCORE:        {"OSCORE", 0, 255, false},
	URIPath:       {"Uri-Path", 0, 255, true},
	ContentFormat: {"Content-Format", 0, 2, false},
	MaxAge:        {"Max-Age", 0, 4, false},
	URIQuery:      {"Uri-Query", 0, 255, true},
	HopLimit:      {"Hop-Limit", 1, 1, false},
	Accept:        {"Accept", 0, 2, false},
	LocationQuery: {"Location-Query", 0, 255, true},
	Block2:        {"Block2", 0, 3, false},
	Block1:        {"Block1", 0, 3, false},
	Size2:         {"Size2", 0, 4, false},
	ProxyURI:      {"Proxy-Uri", 1, 1034, false},
	ProxyScheme:   {"Proxy-Scheme", 1, 255, false},
	Size1:         {"Size1", 0, 4, false},
	Echo:          {"Echo", 1, 40, false},
	NoResponse:    {"No-Response", 0, 1, false},
	RequestTag:    {"Request-Tag", 0, 8, true},
}

// Critical says that a message with this option must not be processed by one
// who does not understand it.
func (n OptionNumber) Critical() bool { return n&1 != 0 }

// Unsafe says that a proxy that does not understand the option must not
// forward it.
func (n OptionNumber) Unsafe() bool { return n&2 != 0 }

// NoCacheKey says that the option does not tell two requests apart (RFC 7252,
// 5.4.2).
func (n OptionNumber) NoCacheKey() bool { return n&0x1e == 0x1c }

// String gives the RFC's name ("Uri-Path") or the number ("option 2053").
func (n OptionNumber) String() string {
	if r, ok := rules[n]; ok {
		return r.name
	}
	return "option " + uintText(uint32(n))
}

// uintText is v in decimal, without the weight of fmt.
func uintText(v uint32) string {
	var b [10]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + v%10)
		if v /= 10; v == 0 {
			return string(b[i:])
		}
	}
}
