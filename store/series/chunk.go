package series

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

// A chunk is some hundred samples of one series, sorted by time, each time once.
// Its bytes are drawn in docs/format/series.md.
const (
	chunkFormat = 1
	chunkFloats = 15   // kind of a chunk of xored doubles; a smaller kind is a decimal scale
	maxChunk    = 4096 // samples; a decoder's bound, far above what is written
)

var (
	errCorrupt = errors.New("corrupt")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// seal appends the checksum of data, bound to the place where it is kept.
func seal(data []byte, place ...uint64) []byte {
	return binary.LittleEndian.AppendUint32(data, checksum(data, place))
}

// unseal gives data without its checksum, if that is right for the place.
func unseal(data []byte, place ...uint64) ([]byte, error) {
	n := len(data) - 4
	if n < 0 || checksum(data[:n], place) != binary.LittleEndian.Uint32(data[n:]) {
		return nil, errCorrupt
	}
	return data[:n], nil
}

func checksum(data []byte, place []uint64) uint32 {
	var b [16]byte
	at := b[:0]
	for _, p := range place {
		at = binary.LittleEndian.AppendUint64(at, p)
	}
	return crc32.Update(crc32.Checksum(at, castagnoli), castagnoli, data)
}

// encodeChunk encodes points: 1 to maxChunk of them, times strictly growing.
func encodeChunk(id ID, points []Point) []byte {
	nums := make([]uint64, len(points))
	kind := chunkKind(points)
	dst := make([]byte, 0, 16+len(points)*3)
	dst = append(dst, chunkFormat, kind)
	dst = binary.AppendUvarint(dst, uint64(len(points)))
	dst = appendTimes(dst, points, nums)
	if kind == chunkFloats {
		dst = appendFloats(dst, points, nums)
	} else {
		dst = appendDecimals(dst, points, nums, kind)
	}
	return seal(dst, uint64(id), uint64(points[0].Time))
}

// chunkKind is the smallest scale at which every value is an exact decimal.
// A value may fit at a small scale and be too large for the next.
func chunkKind(points []Point) uint8 {
	scale := uint8(0)
	for i := 0; i < len(points); i++ {
		if _, ok := decimalAt(points[i].Value, scale); ok {
			continue
		}
		if scale++; scale > maxScale {
			return chunkFloats
		}
		i = -1 // once more from the first
	}
	return scale
}

func appendTimes(dst []byte, points []Point, nums []uint64) []byte {
	if len(points) < 2 {
		return dst
	}
	delta := points[1].Time - points[0].Time
	dst = binary.AppendUvarint(dst, uint64(delta))
	for i, p := range points[2:] {
		d := p.Time - points[i+1].Time
		nums[i] = zigzag(d - delta)
		delta = d
	}
	return appendPacked(dst, nums[:len(points)-2], false)
}

func appendDecimals(dst []byte, points []Point, nums []uint64, scale uint8) []byte {
	last, _ := decimalAt(points[0].Value, scale)
	dst = binary.AppendUvarint(dst, zigzag(last))
	for i, p := range points[1:] {
		n, _ := decimalAt(p.Value, scale)
		nums[i] = zigzag(n - last)
		last = n
	}
	return appendPacked(dst, nums[:len(points)-1], false)
}

func appendFloats(dst []byte, points []Point, nums []uint64) []byte {
	last := math.Float64bits(points[0].Value)
	dst = binary.LittleEndian.AppendUint64(dst, last)
	for i, p := range points[1:] {
		n := math.Float64bits(p.Value)
		nums[i] = n ^ last
		last = n
	}
	return appendPacked(dst, nums[:len(points)-1], true)
}

// decodeChunk appends the points of a chunk to dst.
func decodeChunk(dst []Point, id ID, start int64, data []byte) ([]Point, error) {
	body, err := unseal(data, uint64(id), uint64(start))
	if err != nil {
		return dst, err
	}
	return decodeBody(dst, start, body)
}

func decodeBody(dst []Point, start int64, body []byte) ([]Point, error) {
	if len(body) < 3 || body[0] != chunkFormat {
		return dst, errCorrupt
	}
	kind := body[1]
	c := cursor{b: body[2:]}
	n := c.uvarint()
	if n == 0 || n > maxChunk || kind > maxScale && kind != chunkFloats {
		return dst, errCorrupt
	}
	was := len(dst)
	dst = grow(dst, int(n))
	points := dst[was:]
	rest, ok := decodeTimes(points, start, c)
	if ok && kind == chunkFloats {
		ok = decodeFloats(points, rest)
	} else if ok {
		ok = decodeDecimals(points, rest, pow10[kind])
	}
	if !ok {
		return dst[:was], errCorrupt
	}
	return dst, nil
}

// grow makes room for n more points, without clearing them.
func grow(dst []Point, n int) []Point {
	if need := len(dst) + n; need > cap(dst) {
		dst = append(make([]Point, 0, max(need, 2*cap(dst))), dst...)
	}
	return dst[:len(dst)+n]
}

func decodeTimes(points []Point, start int64, c cursor) ([]byte, bool) {
	points[0].Time = start
	if len(points) == 1 {
		return c.b, !c.bad
	}
	delta := int64(c.uvarint())
	t := start + delta
	points[1].Time = t
	if c.bad || t <= start {
		return nil, false
	}
	u := unpacker{src: c.b, left: len(points) - 2}
	for at := 2; at < len(points); {
		block := u.next()
		if block == nil {
			return nil, false
		}
		for _, v := range block {
			delta += unzigzag(v)
			if t+delta <= t {
				return nil, false
			}
			t += delta
			points[at].Time = t
			at++
		}
	}
	return u.src, true
}

func decodeDecimals(points []Point, src []byte, scale float64) bool {
	c := cursor{b: src}
	n := c.varint()
	if c.bad {
		return false
	}
	points[0].Value = float64(n) / scale
	u := unpacker{src: c.b, left: len(points) - 1}
	for at := 1; at < len(points); {
		block := u.next()
		if block == nil {
			return false
		}
		for _, v := range block {
			n += unzigzag(v)
			points[at].Value = float64(n) / scale
			at++
		}
	}
	return true
}

func decodeFloats(points []Point, src []byte) bool {
	if len(src) < 8 {
		return false
	}
	n := binary.LittleEndian.Uint64(src)
	points[0].Value = math.Float64frombits(n)
	u := unpacker{src: src[8:], left: len(points) - 1, shifts: true}
	for at := 1; at < len(points); {
		block := u.next()
		if block == nil {
			return false
		}
		for _, v := range block {
			n ^= v
			points[at].Value = math.Float64frombits(n)
			at++
		}
	}
	return true
}
