package coap

import "fmt"

// Code says whether a message is empty, a request or a response; the upper
// three bits are its class, the lower five its detail (RFC 7252, 12.1).
type Code uint8

// Empty is the code of a message that carries neither request nor response.
const Empty Code = 0

// Methods (RFC 7252, 12.1.1; RFC 8132).
const (
	GET    Code = 1
	POST   Code = 2
	PUT    Code = 3
	DELETE Code = 4
	FETCH  Code = 5
	PATCH  Code = 6
	IPATCH Code = 7
)

// Response codes (RFC 7252, 12.1.2; RFC 7959, 2.9; RFC 8132; RFC 8516).
const (
	Created                  = Code(2<<5 | 1)
	Deleted                  = Code(2<<5 | 2)
	Valid                    = Code(2<<5 | 3)
	Changed                  = Code(2<<5 | 4)
	Content                  = Code(2<<5 | 5)
	Continue                 = Code(2<<5 | 31)
	BadRequest               = Code(4 << 5)
	Unauthorized             = Code(4<<5 | 1)
	BadOption                = Code(4<<5 | 2)
	Forbidden                = Code(4<<5 | 3)
	NotFound                 = Code(4<<5 | 4)
	MethodNotAllowed         = Code(4<<5 | 5)
	NotAcceptable            = Code(4<<5 | 6)
	RequestEntityIncomplete  = Code(4<<5 | 8)
	Conflict                 = Code(4<<5 | 9)
	PreconditionFailed       = Code(4<<5 | 12)
	RequestEntityTooLarge    = Code(4<<5 | 13)
	UnsupportedContentFormat = Code(4<<5 | 15)
	UnprocessableEntity      = Code(4<<5 | 22)
	TooManyRequests          = Code(4<<5 | 29)
	InternalServerError      = Code(5 << 5)
	NotImplemented           = Code(5<<5 | 1)
	BadGateway               = Code(5<<5 | 2)
	ServiceUnavailable       = Code(5<<5 | 3)
	GatewayTimeout           = Code(5<<5 | 4)
	ProxyingNotSupported     = Code(5<<5 | 5)
)

var codeNames = map[Code]string{
	Empty: "Empty",
	GET:   "GET", POST: "POST", PUT: "PUT", DELETE: "DELETE",
	FETCH: "FETCH", PATCH: "PATCH", IPATCH: "iPATCH",
	Created: "Created", Deleted: "Deleted", Valid: "Valid",
	Changed: "Changed", Content: "Content", Continue: "Continue",
	BadRequest: "Bad Request", Unauthorized: "Unauthorized",
	BadOption: "Bad Option", Forbidden: "Forbidden", NotFound: "Not Found",
	MethodNotAllowed: "Method Not Allowed", NotAcceptable: "Not Acceptable",
	RequestEntityIncomplete: "Request Entity Incomplete", Conflict: "Conflict",
	PreconditionFailed:       "Precondition Failed",
	RequestEntityTooLarge:    "Request Entity Too Large",
	UnsupportedContentFormat: "Unsupported Content-Format",
	UnprocessableEntity:      "Unprocessable Entity",
	TooManyRequests:          "Too Many Requests",
	InternalServerError:      "Internal Server Error",
	NotImplemented:           "Not Implemented", BadGateway: "Bad Gateway",
	ServiceUnavailable: "Service Unavailable", GatewayTimeout: "Gateway Timeout",
	ProxyingNotSupported: "Proxying Not Supported",
}

// Class is the digit before the dot: 0 request, 2 success, 4 and 5 error.
func (c Code) Class() uint8 { return uint8(c >> 5) }

// Detail is the number behind the dot, 0 to 31.
func (c Code) Detail() uint8 { return uint8(c & 31) }

// IsRequest says whether c is a method, known or not.
func (c Code) IsRequest() bool { return c != Empty && c.Class() == 0 }

// IsResponse says whether c is of the success or of one of the error classes.
func (c Code) IsResponse() bool { k := c.Class(); return k == 2 || k == 4 || k == 5 }

// IsSuccess says whether c is a 2.xx response.
func (c Code) IsSuccess() bool { return c.Class() == 2 }

// Reserved says whether c lies in a class that this version of the protocol
// leaves unused; a message with it is rejected (RFC 7252, 4.2).
func (c Code) Reserved() bool { return c != Empty && !c.IsRequest() && !c.IsResponse() }

// String gives a method's name ("PUT") or a response's number and name
// ("2.04 Changed"); a code without a name is its number ("4.27").
func (c Code) String() string {
	name := codeNames[c]
	if name != "" && (c.IsRequest() || c == Empty) {
		return name
	}
	number := fmt.Sprintf("%d.%02d", c.Class(), c.Detail())
	if name == "" {
		return number
	}
	return number + " " + name
}
