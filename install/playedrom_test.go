package install

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"io"
	"sync"
	"testing"
)

// playedROM plays the loader in a chip's ROM, and the flash beside it.
type playedROM struct {
	chip  *Chip
	magic uint32 // 0: the chip's
	flash []byte
	power uint32 // of two, what the flash tells of its size

	deaf      int  // requests that get no answer
	badSums   int  // data packets that arrive broken
	loseBytes int  // answers of which the first byte is lost
	noPacking bool // it refuses packed data
	spoil     bool // a bit of the flash is bad
	boot      bool // DTR and RTS are not wired; it is in the loader by hand

	mu       sync.Mutex
	loader   bool
	reset    bool
	fresh    bool // the reset was just let go
	baud     int
	resets   int
	regs     map[uint32]uint32
	at       uint32 // where the next data goes
	limit    uint32 // what may be written
	packed   []byte
	packing  bool
	attached bool
	erased   [][2]uint32
}

func newFlash(size int) []byte { return bytes.Repeat([]byte{0xa5}, size) }

func playROM(t *testing.T, r *playedROM) *cable {
	t.Helper()
	c := newCable(t)
	if r.flash == nil {
		r.flash, r.power = newFlash(4<<20), 22
	}
	if r.magic == 0 {
		r.magic = r.chip.magic[0]
	}
	r.regs, r.baud, r.loader = map[uint32]uint32{}, Usual, r.boot
	c.switched = r.pins
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.serve(c)
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c
}

// pins are wired as on most boards: two transistors, so that both lines at once
// pull none, and a capacitor, so that the chip looks a moment after the reset.
func (r *playedROM) pins(dtr, rts bool, baud int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if baud != r.baud {
		return
	}
	switch low := rts && !dtr; {
	case r.boot:
	case low:
		r.reset, r.loader = true, false
	case r.reset:
		r.reset, r.fresh = false, true
		r.resets++
	}
	if r.fresh && dtr && !rts {
		r.loader, r.fresh = true, false
	}
}

func (r *playedROM) serve(c *cable) {
	var in []byte
	var buf [4096]byte
	_, _ = io.WriteString(c.down, "ets Jun  8 2016 00:22:57\r\nrst:0x1\xc0 noise \xc0")
	for {
		n, err := c.up.Read(buf[:])
		if err != nil {
			return
		}
		in = append(in, buf[:n]...)
		for {
			packet, rest, err := cutSLIP(in)
			in = rest
			if err != nil {
				continue
			}
			if packet == nil {
				break
			}
			r.hear(c, packet)
		}
	}
}

func (r *playedROM) hear(c *cable, p []byte) {
	c.mu.Lock()
	rate := c.baud
	c.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh = false
	if !r.loader || rate != r.baud || len(p) < 8 || p[0] != 0 || int(binary.LittleEndian.Uint16(p[2:])) != len(p)-8 {
		return
	}
	if r.deaf--; r.deaf >= 0 {
		return
	}
	cmd := command(p[1])
	value, data, fault := r.do(cmd, binary.LittleEndian.Uint32(p[4:]), p[8:])
	status := []byte{0, 0, 0, 0}
	if fault != 0 {
		status[0], status[1], data = 1, fault, nil
	}
	if r.chip.old {
		status = status[:2]
	}
	data = append(data, status...)
	a := []byte{1, byte(cmd)}
	a = binary.LittleEndian.AppendUint16(a, uint16(len(data)))
	a = append(binary.LittleEndian.AppendUint32(a, value), data...)
	out := appendSLIP(nil, a)
	if cmd == syncUp { // the real ones answer it several times
		out = bytes.Repeat(out, 8)
	}
	if r.loseBytes--; r.loseBytes >= 0 {
		out = out[1:]
	}
	_, _ = c.down.Write(out)
	if cmd == changeBaud && fault == 0 {
		r.baud = int(binary.LittleEndian.Uint32(p[8:]))
	}
}

const (
	badMessage = 0x05
	failed     = 0x06
	badSum     = 0x07
	badPacking = 0x0b
)

func (r *playedROM) do(c command, sum uint32, d []byte) (value uint32, data []byte, fault byte) {
	w := make([]uint32, 6)
	for i := range w {
		if len(d) >= 4*i+4 {
			w[i] = binary.LittleEndian.Uint32(d[4*i:])
		}
	}
	if r.chip.old && (c == spiAttach || c == spiSetParams || c == changeBaud || c >= deflBegin) {
		return 0, nil, badMessage
	}
	switch c {
	case syncUp:
		if len(d) != 36 || !bytes.HasPrefix(d, []byte{7, 7, 0x12, 0x20, 0x55}) {
			return 0, nil, badMessage
		}
	case readReg:
		return r.read(w[0]), nil, 0
	case writeReg:
		r.regs[w[0]] = w[1]
	case securityInfo:
		info := make([]byte, 20)
		binary.LittleEndian.PutUint32(info[12:], r.chip.id)
		return 0, info, 0
	case spiAttach:
		r.attached = len(d) == 8
	case spiSetParams, changeBaud:
	case flashBegin, deflBegin:
		return 0, nil, r.begin(c, d, w)
	case flashData, deflData:
		return 0, nil, r.take(c, sum, d, w)
	case flashMD5:
		sum := md5.Sum(r.flash[w[0] : w[0]+w[1]])
		return 0, []byte(hex.EncodeToString(sum[:])), 0
	default:
		return 0, nil, badMessage
	}
	return 0, nil, 0
}

// read knows the one address in ROM, and the controller of the flash.
func (r *playedROM) read(at uint32) uint32 {
	s := r.chip.spi
	switch at {
	case magicAt:
		return r.magic
	case s.base: // done as soon as it was asked for
		return 0
	case s.base + s.word0:
		asked := r.regs[s.base+s.user2] == 7<<28|0x9f && r.regs[s.base]&(1<<18) != 0
		if bits := r.regs[s.base+s.inBits]; s.inBits != 0 && bits != 23 {
			asked = false
		}
		if asked && r.attached {
			return r.power<<16 | 0x40ef
		}
		return 0
	}
	return r.regs[at]
}

func (r *playedROM) begin(c command, d []byte, w []uint32) byte {
	want := 16
	if r.chip.sealed {
		want = 20
	}
	if len(d) != want || w[2] != block {
		return badMessage
	}
	r.attached = r.attached || r.chip.old
	if !r.attached {
		return failed
	}
	size := (w[0] + sector - 1) / sector * sector
	if r.chip.old && size > 0 { // the fault in its counting
		head := 16 - w[3]/sector%16
		size = (min(head, size/sector) + size/sector) * sector
	}
	if int(w[3]) > len(r.flash) {
		return failed
	}
	end := min(int(w[3]+size), len(r.flash))
	for i := int(w[3]); i < end; i++ {
		r.flash[i] = 0xff
	}
	r.erased = append(r.erased, [2]uint32{w[3], uint32(end)})
	r.at, r.limit, r.packing, r.packed = w[3], uint32(end), c == deflBegin, nil
	if r.packing && r.noPacking {
		return badMessage
	}
	return 0
}

func (r *playedROM) take(c command, sum uint32, d []byte, w []uint32) byte {
	if len(d) < 16 || int(w[0]) != len(d)-16 || w[0] > block || (c == deflData) != r.packing {
		return badMessage
	}
	data := d[16:]
	if r.badSums--; r.badSums >= 0 || checksum(data) != sum {
		return badSum
	}
	if c == flashData {
		return r.program(data)
	}
	r.packed = append(r.packed, data...)
	z, err := zlib.NewReader(bytes.NewReader(r.packed))
	if err != nil {
		return badPacking
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return 0 // more is to come
	}
	return r.program(plain)
}

// program writes where it was erased before, as flash does: bits only fall.
func (r *playedROM) program(data []byte) byte {
	if uint64(r.at)+uint64(len(data)) > uint64(r.limit) {
		return failed
	}
	for i, c := range data {
		r.flash[r.at+uint32(i)] &= c
	}
	if r.spoil {
		r.flash[r.at] ^= 0x10
	}
	r.at += uint32(len(data))
	return 0
}
