package series

import "encoding/binary"

// A packed run holds unsigned numbers in blocks of blockLen, each block with
// the width of its widest number:
//
//	0x80|r                      r+1 blocks of zeros
//	width (1..64) · bits        numbers of that many bits, least significant first
//
// With shifts, a width byte is followed by the count of low zero bits that all
// numbers of the block share and that are left out of the bits.
const (
	blockLen  = 16
	zeroBlock = 0x80
)

// appendPacked appends vals as a packed run.
func appendPacked(dst []byte, vals []uint64, shifts bool) []byte {
	zeros := 0
	for len(vals) > 0 {
		block := vals[:min(blockLen, len(vals))]
		vals = vals[len(block):]
		var all uint64
		for _, v := range block {
			all |= v
		}
		if all == 0 {
			if zeros++; zeros == 128 {
				dst, zeros = append(dst, zeroBlock|127), 0
			}
			continue
		}
		if zeros > 0 {
			dst, zeros = append(dst, zeroBlock|byte(zeros-1)), 0
		}
		dst = appendBlock(dst, block, all, shifts)
	}
	if zeros > 0 {
		dst = append(dst, zeroBlock|byte(zeros-1))
	}
	return dst
}

func appendBlock(dst []byte, block []uint64, all uint64, shifts bool) []byte {
	shift := uint(0)
	if shifts {
		shift = trailingZeros(all)
	}
	width := bitLen(all >> shift)
	dst = append(dst, byte(width))
	if shifts {
		dst = append(dst, byte(shift))
	}
	var acc uint64
	have := uint(0)
	for _, v := range block {
		v >>= shift
		acc |= v << have
		if have+width < 64 {
			have += width
			continue
		}
		dst = binary.LittleEndian.AppendUint64(dst, acc)
		acc = v >> (64 - have)
		have += width - 64
	}
	for ; have > 0; have -= min(8, have) {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}

// unpacker reads a packed run of left numbers, a block at a time.
type unpacker struct {
	src    []byte
	left   int
	zeros  int // blocks of zeros still to give
	shifts bool
	vals   [blockLen]uint64
}

// next gives the next block, nil when the run is malformed; callers stop by
// their own count.
func (u *unpacker) next() []uint64 {
	n := min(blockLen, u.left)
	u.left -= n
	if u.zeros == 0 {
		if len(u.src) == 0 {
			return nil
		}
		width := uint(u.src[0])
		u.src = u.src[1:]
		if width < zeroBlock {
			return u.bits(n, width)
		}
		u.zeros = int(width&^zeroBlock) + 1
	}
	u.zeros--
	clear(u.vals[:n])
	return u.vals[:n]
}

func (u *unpacker) bits(n int, width uint) []uint64 {
	shift := uint(0)
	if u.shifts && len(u.src) > 0 {
		shift = uint(u.src[0])
		u.src = u.src[1:]
	}
	size := (n*int(width) + 7) / 8
	if width == 0 || width+shift > 64 || size > len(u.src) {
		return nil
	}
	src := u.src[:size]
	u.src = u.src[size:]
	mask := ^uint64(0) >> (64 - width)
	var acc uint64
	have := uint(0)
	for i := range n {
		v := acc
		if have < width {
			more := load64(src)
			src = src[min(8, len(src)):]
			v |= more << have
			acc = more >> (width - have)
			have += 64 - width
		} else {
			acc >>= width
			have -= width
		}
		u.vals[i] = v & mask << shift
	}
	return u.vals[:n]
}

// load64 reads up to eight bytes, missing ones as zero.
func load64(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.LittleEndian.Uint64(b)
	}
	var v uint64
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}
