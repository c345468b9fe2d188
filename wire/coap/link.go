package coap

import (
	"errors"
	"fmt"
	"strings"
)

// ErrLinkFormat says that a text is no list of links.
var ErrLinkFormat = errors.New("coap: malformed link format")

// Link is one entry of /.well-known/core (RFC 6690).
type Link struct {
	Target string // what stands between < and >
	Attrs  []Attr
}

// Attr is one attribute of a link. Present but empty (`;obs`) has Value "".
type Attr struct {
	Name  string
	Value string // without quotes, escapes resolved
}

// Attr returns the first attribute of that name.
func (l Link) Attr(name string) (value string, ok bool) {
	for _, a := range l.Attrs {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// ParseLinks reads a list of links. White space around <, ;, = and the comma is
// ignored, as are empty entries; commas and semicolons in quotes or between <
// and > are part of the text. ErrLinkFormat comes with the links before the
// fault.
func ParseLinks(s string) ([]Link, error) {
	p := linkParser{s: s}
	var links []Link
	for {
		for p.take(',') {
		}
		if p.end() {
			return links, nil
		}
		l, err := p.link()
		if err != nil {
			return links, fmt.Errorf("%w at byte %d: %w", ErrLinkFormat, p.i, err)
		}
		links = append(links, l)
		if !p.end() && !p.at(',') {
			return links[:len(links)-1], fmt.Errorf("%w at byte %d: no comma after a link", ErrLinkFormat, p.i)
		}
	}
}

// linkParser walks over a text; its methods skip white space first.
type linkParser struct {
	s string
	i int
}

func (p *linkParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *linkParser) end() bool {
	p.space()
	return p.i == len(p.s)
}

func (p *linkParser) at(c byte) bool {
	p.space()
	return p.i < len(p.s) && p.s[p.i] == c
}

func (p *linkParser) take(c byte) bool {
	if p.at(c) {
		p.i++
		return true
	}
	return false
}

func (p *linkParser) link() (Link, error) {
	if !p.take('<') {
		return Link{}, errors.New("no <")
	}
	n := strings.IndexByte(p.s[p.i:], '>')
	if n < 0 {
		return Link{}, errors.New("no >")
	}
	l := Link{Target: strings.Trim(p.s[p.i:p.i+n], " \t\r\n")}
	if strings.ContainsAny(l.Target, "< \t\r\n\"") {
		return Link{}, errors.New("a target that is no URI")
	}
	p.i += n + 1
	for p.take(';') {
		if p.at(';') || p.at(',') || p.end() {
			continue
		}
		a, err := p.attr()
		if err != nil {
			return Link{}, err
		}
		l.Attrs = append(l.Attrs, a)
	}
	return l, nil
}

func (p *linkParser) attr() (Attr, error) {
	name := p.word("=;,<>\" \t\r\n")
	if name == "" {
		return Attr{}, errors.New("an attribute without a name")
	}
	if !p.take('=') {
		return Attr{Name: name}, nil
	}
	if p.take('"') {
		v, err := p.quoted()
		return Attr{name, v}, err
	}
	return Attr{name, p.word(";,\" \t\r\n")}, nil
}

// word takes everything up to one of the bytes in stop.
func (p *linkParser) word(stop string) string {
	p.space()
	from := p.i
	for p.i < len(p.s) && strings.IndexByte(stop, p.s[p.i]) < 0 {
		p.i++
	}
	return p.s[from:p.i]
}

// quoted takes a quoted string behind its opening quote; \ takes the next byte
// as it is.
func (p *linkParser) quoted() (string, error) {
	var b strings.Builder
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case '"':
			p.i++
			return b.String(), nil
		case '\\':
			if p.i++; p.i == len(p.s) {
				return "", errors.New("a text ends in \\")
			}
			b.WriteByte(p.s[p.i])
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("no closing quote")
}

// AppendLinks adds the list of links to dst. Values are quoted unless they are
// plain tokens.
func AppendLinks(dst []byte, links []Link) []byte {
	for i, l := range links {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '<'), l.Target...), '>')
		for _, a := range l.Attrs {
			dst = append(append(dst, ';'), a.Name...)
			if a.Value != "" {
				dst = appendAttrValue(append(dst, '='), a.Value)
			}
		}
	}
	return dst
}

func appendAttrValue(dst []byte, v string) []byte {
	plain := strings.IndexFunc(v, func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
	if plain {
		return append(dst, v...)
	}
	dst = append(dst, '"')
	for i := range len(v) {
		if v[i] == '"' || v[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, v[i])
	}
	return append(dst, '"')
}
