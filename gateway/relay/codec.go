package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrMalformed is the cause of every error of the decoders.
var ErrMalformed = errors.New("malformed")

func appendUint(dst []byte, n uint64) []byte { return binary.AppendUvarint(dst, n) }
func appendInt(dst []byte, n int64) []byte   { return binary.AppendVarint(dst, n) }

func appendString(dst []byte, s string) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return append(appendUint(dst, uint64(len(s))), s...)
}

func appendBool(dst []byte, yes bool) []byte {
	if yes {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// reader takes values from the front of b until one is malformed; what it gives
// after that means nothing.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", what, ErrMalformed)
	}
	r.b = nil
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail("byte")
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) bool() bool {
	c := r.byte()
	if c > 1 {
		r.fail("boolean")
	}
	return c == 1
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail("number")
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count is a number of things that follow, each of at least one byte.
func (r *reader) count(most int) int {
	n := r.uint()
	if n > uint64(most) || n > uint64(len(r.b)) {
		r.fail("count")
		return 0
	}
	return int(n)
}

// bytes are borrowed from what is read.
func (r *reader) bytes(most int) []byte {
	n := r.count(most)
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) string(most int) string {
	b := r.bytes(most)
	if !utf8.Valid(b) {
		r.fail("text")
		return ""
	}
	return string(b)
}

// end tells whether all was well and nothing is left.
func (r *reader) end(what string) error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("end")
	}
	if r.err != nil {
		return fmt.Errorf("read %s: %w", what, r.err)
	}
	return nil
}
