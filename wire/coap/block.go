package coap

import "errors"

// ErrBlock says that a Block1 or Block2 value is malformed (size exponent 7) or
// too long.
var ErrBlock = errors.New("coap: malformed block option")

// MaxBlockNum is the highest number a block can have (20 bits).
const MaxBlockNum = 1<<20 - 1

// Block is the value of a Block1 or Block2 option (RFC 7959, 2.2).
//
//	 0                   1                   2
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                  NUM                  |M| SZX |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type Block struct {
	Num  uint32 // 0 to MaxBlockNum
	More bool   // others follow
	SZX  uint8  // 0 to 6: blocks of 16 to 1,024 bytes
}

// Size is the length of every block but the last, in bytes.
func (b Block) Size() int { return 16 << b.SZX }

// Offset is where the block starts in the body, in bytes.
func (b Block) Offset() int { return int(b.Num) << (b.SZX + 4) }

// Value is the option's value.
func (b Block) Value() uint32 {
	v := b.Num<<4 | uint32(b.SZX&7)
	if b.More {
		v |= 8
	}
	return v
}

// Block reads Block1 or Block2. Not ok without error: there is none. ErrBlock:
// there is one, but it means nothing.
func (o Options) Block(n OptionNumber) (b Block, ok bool, err error) {
	raw, ok := o.Get(n)
	if !ok {
		return Block{}, false, nil
	}
	v, short := DecodeUint(raw)
	if !short || len(raw) > 3 || v&7 == 7 {
		return Block{}, true, ErrBlock
	}
	return Block{Num: v >> 4, More: v&8 != 0, SZX: uint8(v & 7)}, true, nil
}

// SetBlock sets Block1 or Block2.
func (o *Options) SetBlock(n OptionNumber, b Block) { o.SetUint(n, b.Value()) }

// SZX is the exponent of the largest block size that is at most size bytes; 0
// (16 bytes) is the least, 6 (1,024 bytes) the most.
func SZX(size int) uint8 {
	var x uint8
	for x < 6 && 32<<x <= size {
		x++
	}
	return x
}
