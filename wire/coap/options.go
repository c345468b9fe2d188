package coap

import (
	"bytes"
	"iter"
	"slices"
)

// Options are the options of a message, in the order of their numbers. Values
// of a parsed message lie in its datagram.
type Options []Option

// maxOptionValue is the longest value the format can express.
const maxOptionValue = 0xffff + 269

// Get returns the first option of that number.
func (o Options) Get(n OptionNumber) (value []byte, ok bool) {
	for i := range o {
		if o[i].Number == n {
			return o[i].Value, true
		}
	}
	return nil, false
}

// Has says whether there is an option of that number.
func (o Options) Has(n OptionNumber) bool {
	_, ok := o.Get(n)
	return ok
}

// All yields the values of every option of that number, in order.
func (o Options) All(n OptionNumber) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range o {
			if o[i].Number == n && !yield(o[i].Value) {
				return
			}
		}
	}
}

// Add puts an option behind those of the same or lower numbers. The value is
// not copied.
func (o *Options) Add(n OptionNumber, value []byte) {
	i := len(*o)
	for i > 0 && (*o)[i-1].Number > n {
		i--
	}
	*o = slices.Insert(*o, i, Option{n, value})
}

// AddString is Add for text.
func (o *Options) AddString(n OptionNumber, value string) { o.Add(n, []byte(value)) }

// Set replaces every option of that number by one.
func (o *Options) Set(n OptionNumber, value []byte) {
	o.Remove(n)
	o.Add(n, value)
}

// Remove takes out every option of that number.
func (o *Options) Remove(n OptionNumber) {
	*o = slices.DeleteFunc(*o, func(p Option) bool { return p.Number == n })
}

// Clone is a copy that shares nothing with o; its values lie in one block.
func (o Options) Clone() Options {
	if o == nil {
		return nil
	}
	size := 0
	for i := range o {
		size += len(o[i].Value)
	}
	block := make([]byte, 0, size)
	c := make(Options, len(o))
	for i := range o {
		at := len(block)
		block = append(block, o[i].Value...)
		c[i] = Option{o[i].Number, block[at:len(block):len(block)]}
	}
	return c
}

func (o Options) equal(p Options) bool {
	return slices.EqualFunc(o, p, func(a, b Option) bool {
		return a.Number == b.Number && bytes.Equal(a.Value, b.Value)
	})
}

func (o Options) sorted() bool {
	for i := 1; i < len(o); i++ {
		if o[i].Number < o[i-1].Number {
			return false
		}
	}
	return true
}

// append writes the options as deltas between their numbers (RFC 7252, 3.1).
func (o Options) append(dst []byte) []byte {
	if !o.sorted() {
		o = slices.Clone(o)
		slices.SortStableFunc(o, func(a, b Option) int { return int(a.Number) - int(b.Number) })
	}
	last := OptionNumber(0)
	for i := range o {
		delta, length := int(o[i].Number-last), len(o[i].Value)
		if length > maxOptionValue {
			panic("coap: an option value longer than 65804 bytes")
		}
		last = o[i].Number
		dst = append(dst, nibble(delta)<<4|nibble(length))
		dst = appendExtended(dst, delta)
		dst = appendExtended(dst, length)
		dst = append(dst, o[i].Value...)
	}
	return dst
}

// nibble is the four-bit form of a delta or length.
func nibble(v int) byte {
	switch {
	case v < 13:
		return byte(v)
	case v < 269:
		return 13
	}
	return 14
}

func appendExtended(dst []byte, v int) []byte {
	switch {
	case v < 13:
		return dst
	case v < 269:
		return append(dst, byte(v-13))
	}
	return append(dst, byte((v-269)>>8), byte(v-269))
}
