package series

import "encoding/binary"

// A log row is one step of the store: a batch of samples, the series whose
// heads it sealed, and deletions. Its bytes are drawn in docs/format/series.md.
const logFormat = 1

type row struct {
	samples []Sample
	sealed  []ID
	deletes []deletion
}

// deletion: the samples of a series before a time are gone.
type deletion struct {
	series ID
	before int64
}

// appendRow appends the bytes of row r, number seq.
func appendRow(dst []byte, seq int64, r row) []byte {
	dst = append(dst, logFormat)
	dst = binary.AppendUvarint(dst, uint64(len(r.samples)))
	var last Sample
	scale := uint8(noScale)
	for _, s := range r.samples {
		dst = binary.AppendUvarint(dst, zigzag(int64(s.Series-last.Series)))
		dst = binary.AppendUvarint(dst, zigzag(s.Time-last.Time))
		last = s
		n, at, ok := decimal(s.Value, scale)
		if !ok {
			dst = appendInexact(dst, s.Value, 0, 0)
			continue
		}
		scale = at
		dst = binary.AppendUvarint(dst, zigzag(n)<<4|uint64(at))
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.sealed)))
	for _, id := range r.sealed {
		dst = binary.AppendVarint(dst, int64(id))
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.deletes)))
	for _, d := range r.deletes {
		dst = binary.AppendVarint(dst, int64(d.series))
		dst = binary.AppendVarint(dst, d.before)
	}
	return seal(dst, uint64(seq))
}

// parseRow reads the bytes of row number seq.
func parseRow(seq int64, data []byte) (row, error) {
	body, err := unseal(data, uint64(seq))
	if err != nil {
		return row{}, err
	}
	return parseRowBody(body)
}

func parseRowBody(body []byte) (row, error) {
	var r row
	if len(body) == 0 || body[0] != logFormat {
		return r, errCorrupt
	}
	c := cursor{b: body[1:]}
	r.samples = make([]Sample, c.count(3))
	var last Sample
	for i := range r.samples {
		last.Series += ID(c.varint())
		last.Time += c.varint()
		last.Value, _, _ = c.value(c.uvarint())
		r.samples[i] = last
	}
	r.sealed = make([]ID, c.count(1))
	for i := range r.sealed {
		r.sealed[i] = ID(c.varint())
	}
	r.deletes = make([]deletion, c.count(2))
	for i := range r.deletes {
		r.deletes[i] = deletion{ID(c.varint()), c.varint()}
	}
	if c.bad || len(c.b) != 0 {
		return row{}, errCorrupt
	}
	return r, nil
}

// count reads how many items follow; more than the rest can hold, at least
// size bytes each, is bad.
func (c *cursor) count(size int) int {
	n := c.uvarint()
	if n > uint64(len(c.b)/size) {
		c.b, c.bad = nil, true
		return 0
	}
	return int(n)
}
