package coap

import "strings"

// Path is the Uri-Path as one text: "/" and the segments joined by "/". A "/"
// or "%" inside a segment is written %2F or %25, so that SetPath gives the same
// segments again; all else stands as it came.
func (o Options) Path() string { return string(o.AppendPath(nil)) }

// AppendPath adds Path's text to dst.
func (o Options) AppendPath(dst []byte) []byte {
	from := len(dst)
	for i := range o {
		if o[i].Number == URIPath {
			dst = appendSegment(append(dst, '/'), o[i].Value)
		}
	}
	if len(dst) == from {
		return append(dst, '/')
	}
	return dst
}

func appendSegment(dst, segment []byte) []byte {
	for _, c := range segment {
		switch c {
		case '/':
			dst = append(dst, "%2F"...)
		case '%':
			dst = append(dst, "%25"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// PathIs says whether the Uri-Path has exactly one segment, this one. It
// allocates nothing.
func (o Options) PathIs(segment string) bool {
	found := false
	for i := range o {
		if o[i].Number != URIPath {
			continue
		}
		if found || string(o[i].Value) != segment {
			return false
		}
		found = true
	}
	return found
}

// SetPath replaces the Uri-Path by the segments of path, with or without "/" at
// its start. %XX stands for one byte; a "%" before anything else stands for
// itself. "/" and "" have no segments; "//a" has an empty one first.
func (o *Options) SetPath(path string) {
	o.Remove(URIPath)
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return
	}
	for segment := range strings.SplitSeq(path, "/") {
		o.Add(URIPath, unescape(segment))
	}
}

// Query lists the Uri-Query options, each a "name=value" or a bare name.
func (o Options) Query() []string {
	var q []string
	for v := range o.All(URIQuery) {
		q = append(q, string(v))
	}
	return q
}

// SetQuery replaces the Uri-Query by the parts of query, which are joined by
// "&" and may hold %XX; "" removes it.
func (o *Options) SetQuery(query string) {
	o.Remove(URIQuery)
	if query == "" {
		return
	}
	for part := range strings.SplitSeq(query, "&") {
		o.Add(URIQuery, unescape(part))
	}
}

// unescape resolves %XX and leaves any other "%" as it is.
func unescape(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return b
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
