package install

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	block  = 1024 // of data in a packet, what every ROM has room for
	sector = 4096 // of flash, the least that is erased

	imageMagic = 0xe9 // begins a firmware
	modeDIO    = 2
)

// Firmware is a file for a chip's flash, whole: loader, program, all.
type Firmware []byte

// check finds a file that is not for this chip.
func (f Firmware) check(c *Chip) error {
	if len(f) < 1024 || f[0] != imageMagic {
		return errors.New("this is no firmware of Espressif's chips: such a file begins with E9")
	}
	if c.old { // its head does not name the chip, but programs begin in its own memory
		if entry := uint32(f[6]) | uint32(f[7])<<8; entry>>4 != 0x401 {
			return fmt.Errorf("this firmware is for another chip, not for %s", c.Name)
		}
		return nil
	}
	// 16 bytes more of head stand behind the first 8; 4 and 5 of them are the
	// chip's id.
	if id := uint32(f[12]) | uint32(f[13])<<8; id != c.id {
		return fmt.Errorf("this firmware is for another chip (%s), not for %s", chipOf(id), c.Name)
	}
	return nil
}

func chipOf(id uint32) string {
	for _, c := range Chips {
		if c.id == id {
			return c.Name
		}
	}
	return fmt.Sprintf("number %d", id)
}

// fitted is the firmware as it must be on this flash. The ESP8266's has size and
// mode of the flash in its head, which the same file cannot have right for all:
// DIO, which all boards can, and the size that the flash told.
func (f Firmware) fitted(c *Chip, size int64) Firmware {
	sizes := map[int64]byte{512 << 10: 0, 256 << 10: 1, 1 << 20: 2, 2 << 20: 3, 4 << 20: 4, 8 << 20: 8, 16 << 20: 9}
	code, known := sizes[size]
	if !c.old || !known {
		return f
	}
	g := Firmware(bytes.Clone(f))
	g[2] = modeDIO
	g[3] = code<<4 | f[3]&0x0f
	return g
}

// Flashing is how Flash is to be done.
type Flashing struct {
	Erase bool // the whole flash first, with all files on it
	Plain bool // not packed, for a line or a ROM that has trouble with it
	// Erased and Sent are told how it goes; nil is fine.
	Erased func(done, all int64)
	Sent   func(done, all int64)
}

// Flash writes a firmware where its chip wants it and, if the ROM can, holds the
// whole of it against the file. verified is false if the ROM cannot.
func (l *Loader) Flash(ctx context.Context, f Firmware, how Flashing) (verified bool, err error) {
	if err := f.check(l.chip); err != nil {
		return false, err
	}
	if end := int64(l.chip.Offset) + int64(len(f)); l.size > 0 && end > l.size {
		return false, fmt.Errorf("the firmware ends at %d kB and the flash has %d kB; nothing was written", (end+1023)>>10, l.size>>10)
	}
	f = f.fitted(l.chip, l.size)
	if how.Erase {
		if err := l.erase(ctx, how.Erased); err != nil {
			return false, fmt.Errorf("erase the flash: %w", err)
		}
	}
	if err := l.put(ctx, f, how); err != nil {
		return false, fmt.Errorf("write the flash: %w", err)
	}
	if l.chip.old {
		return false, nil
	}
	return true, l.verify(ctx, f)
}

// put sends the firmware packed, and once more plainly if the ROM will not have
// that.
func (l *Loader) put(ctx context.Context, f Firmware, how Flashing) error {
	if l.chip.old || how.Plain {
		return l.putPlain(ctx, f, how.Sent)
	}
	err := l.putPacked(ctx, f, how.Sent)
	if _, refused := errors.AsType[*RefusedError](err); refused {
		return l.putPlain(ctx, f, how.Sent)
	}
	return err
}

// begin makes room for size bytes at an offset, which will come in n packets.
func (l *Loader) begin(ctx context.Context, c command, size, n, offset uint32) error {
	v := []uint32{size, n, block, offset}
	if l.chip.sealed {
		v = append(v, 0)
	}
	_, _, err := l.do(ctx, c, eraseWait(int64(size)), 0, words(v...))
	return err
}

// eraseWait is what flash may take for it: 30 s for each MB, and a little.
func eraseWait(size int64) time.Duration {
	return 10*time.Second + time.Duration(size)*30*time.Second/(1<<20)
}

func (l *Loader) putPlain(ctx context.Context, f Firmware, sent func(done, all int64)) error {
	n := (len(f) + block - 1) / block
	size := uint32(n * block)
	if l.chip.old {
		size = eraseOld(l.chip.Offset, size)
	}
	if err := l.begin(ctx, flashBegin, size, uint32(n), l.chip.Offset); err != nil {
		return err
	}
	for i := range n {
		data := bytes.Clone(f[i*block : min((i+1)*block, len(f))])
		for len(data) < block {
			data = append(data, 0xff)
		}
		if err := l.data(ctx, flashData, i, data, block); err != nil {
			return err
		}
		tell(sent, min((i+1)*block, len(f)), len(f))
	}
	return nil
}

func (l *Loader) putPacked(ctx context.Context, f Firmware, sent func(done, all int64)) error {
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(f); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	raw := packed.Bytes()
	n := (len(raw) + block - 1) / block
	whole := (len(f) + sector - 1) / sector * sector
	if err := l.begin(ctx, deflBegin, uint32(whole), uint32(n), l.chip.Offset); err != nil {
		return err
	}
	for i := range n {
		data := raw[i*block : min((i+1)*block, len(raw))]
		if err := l.data(ctx, deflData, i, data, len(f)/max(1, n)*8); err != nil {
			return err
		}
		tell(sent, min((i+1)*block, len(raw)), len(raw))
	}
	return nil
}

func tell(sent func(done, all int64), done, all int) {
	if sent != nil {
		sent(int64(done), int64(all))
	}
}

// data sends one packet of it; one that came broken is sent again. written is
// what of the flash it fills, at most.
func (l *Loader) data(ctx context.Context, c command, number int, data []byte, written int) error {
	const badSum = 0x07
	wait := romWait + time.Duration(written)*40*time.Second/(1<<20)
	p := append(words(uint32(len(data)), uint32(number), 0, 0), data...)
	for try := 1; ; try++ {
		_, _, err := l.send(ctx, c, wait, 0, checksum(data), p)
		fault, refused := errors.AsType[*RefusedError](err)
		if err == nil || try == tries || !refused || fault.Code != badSum {
			if err != nil {
				err = fmt.Errorf("packet %d: %w", number, err)
			}
			return err
		}
	}
}

// eraseOld gives what to ask of the ESP8266 so that it erases size bytes. It
// erases the sectors up to the next whole 64 kB one by one, and then as many as
// were asked for, without taking the first ones off.
func eraseOld(offset, size uint32) uint32 {
	const sectors = 16 // in 64 kB
	want := (size + sector - 1) / sector
	head := sectors - offset/sector%sectors
	ask := (want + 1) / 2
	if ask > head {
		ask = want - head
	}
	return ask * sector
}

// erase clears the flash in steps: what the ROM does for a download that then
// does not come.
func (l *Loader) erase(ctx context.Context, told func(done, all int64)) error {
	const stride = 256 << 10
	if l.size == 0 {
		return errors.New("its size is not known")
	}
	for at := int64(0); at < l.size; at += stride {
		size := uint32(min(stride, l.size-at))
		if l.chip.old {
			size = eraseOld(uint32(at), size)
		}
		if err := l.begin(ctx, flashBegin, size, 0, uint32(at)); err != nil {
			return err
		}
		if told != nil {
			told(min(at+stride, l.size), l.size)
		}
	}
	return nil
}

// ErrNotAsSent is a flash whose content is not that of the file.
var ErrNotAsSent = errors.New("what is on the flash is not what was sent; try again, more slowly or with another cable")

func (l *Loader) verify(ctx context.Context, f Firmware) error {
	const digits = 32 // the ROM sends hexadecimal
	got, _, err := l.do(ctx, flashMD5, eraseWait(int64(len(f))), digits, words(l.chip.Offset, uint32(len(f)), 0, 0))
	if err != nil {
		return fmt.Errorf("hold the flash against the file: %w", err)
	}
	sum := md5.Sum(f)
	if !strings.EqualFold(string(got), hex.EncodeToString(sum[:])) {
		return ErrNotAsSent
	}
	return nil
}
