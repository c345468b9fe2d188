package coap

// Format is a Content-Format: what a payload is (RFC 7252, 12.3).
type Format uint16

const (
	TextPlain   Format = 0
	LinkFormat  Format = 40
	XML         Format = 41
	OctetStream Format = 42
	EXI         Format = 47
	JSON        Format = 50
	JSONPatch   Format = 51
	MergePatch  Format = 52
	CBOR        Format = 60
	CWT         Format = 61
	SenMLJSON   Format = 110
	SenSMLJSON  Format = 111
	SenMLCBOR   Format = 112
	SenSMLCBOR  Format = 113
	LwM2MTLV    Format = 11542
	LwM2MJSON   Format = 11543
)

var formatNames = map[Format]string{
	TextPlain: "text/plain; charset=utf-8", LinkFormat: "application/link-format",
	XML: "application/xml", OctetStream: "application/octet-stream",
	EXI: "application/exi", JSON: "application/json",
	JSONPatch: "application/json-patch+json", MergePatch: "application/merge-patch+json",
	CBOR: "application/cbor", CWT: "application/cwt",
	SenMLJSON: "application/senml+json", SenSMLJSON: "application/sensml+json",
	SenMLCBOR: "application/senml+cbor", SenSMLCBOR: "application/sensml+cbor",
	LwM2MTLV: "application/vnd.oma.lwm2m+tlv", LwM2MJSON: "application/vnd.oma.lwm2m+json",
}

// String gives the media type, or the number of one without a name here.
func (f Format) String() string {
	if s, ok := formatNames[f]; ok {
		return s
	}
	return "content-format " + uintText(uint32(f))
}

// Format returns the Content-Format. Not ok: there is none.
func (o Options) Format() (f Format, ok bool) {
	v, ok := o.Uint(ContentFormat)
	return Format(v), ok
}

// SetFormat sets the Content-Format.
func (o *Options) SetFormat(f Format) { o.SetUint(ContentFormat, uint32(f)) }
