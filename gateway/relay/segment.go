package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A segment is a file of the spool, named by the number of its first entry:
//
//	"roostsp1" | first number, 8 | CRC-32C of those, 4
//	record: size of body, 4 | CRC-32C of number, time and body, 4 | time, 8 | body
//
// All numbers are little-endian; a time is Unix nanoseconds.
type segment struct {
	path  string
	first uint64 // number of its first entry
	end   uint64 // number behind its last one
	size  int64  // bytes that are good
	began time.Time
	last  time.Time // time of its newest entry
	index []mark
}

// mark is where an entry begins in its file.
type mark struct {
	number uint64
	offset int64
}

const (
	segmentMagic = "roostsp1"
	segmentHead  = len(segmentMagic) + 8 + 4
	recordHead   = 4 + 4 + 8
	segmentExt   = ".spool"
	// markEvery is how many entries lie between two marks.
	markEvery = 128
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged: the file says something else than was written.
var errDamaged = errors.New("spool file is damaged")

// record is one entry as the spool has it.
type record struct {
	number uint64
	at     time.Time
	body   []byte
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d", first)+segmentExt)
}

// segmentFirst gives the number that a file is named by.
func segmentFirst(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentExt)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0
}

func appendSegmentHead(dst []byte, first uint64) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, first)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

func appendRecord(dst []byte, r record) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.body)))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(r.number, uint64(r.at.UnixNano()), r.body))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.at.UnixNano()))
	return append(dst, r.body...)
}

func checksum(number, at uint64, body []byte) uint32 {
	var head [16]byte
	binary.LittleEndian.PutUint64(head[:], number)
	binary.LittleEndian.PutUint64(head[8:], at)
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, body)
}

// parseRecord reads the record that b begins with; size is its length, 0 when b
// holds too little of it. The body points into b.
func parseRecord(b []byte, number uint64) (r record, size int, err error) {
	if len(b) < recordHead {
		return r, 0, nil
	}
	n := binary.LittleEndian.Uint32(b)
	if n > maxEntry {
		return r, 0, errDamaged
	}
	size = recordHead + int(n)
	if len(b) < size {
		return r, 0, nil
	}
	at := binary.LittleEndian.Uint64(b[8:])
	body := b[recordHead:size]
	if checksum(number, at, body) != binary.LittleEndian.Uint32(b[4:]) {
		return r, 0, errDamaged
	}
	return record{number: number, at: time.Unix(0, int64(at)), body: body}, size, nil
}

// scan reads a whole segment up to its end or the first damage. damaged tells that
// bytes behind what is good make no sense.
func scan(path string, first uint64, see func(record)) (s *segment, damaged bool, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, false, fmt.Errorf("read spool: %w", err)
	}
	s = &segment{path: path, first: first, end: first}
	if string(b[:min(len(b), segmentHead)]) != string(appendSegmentHead(nil, first)) {
		return s, true, nil
	}
	s.size = int64(segmentHead)
	for rest := b[segmentHead:]; len(rest) > 0; {
		r, size, err := parseRecord(rest, s.end)
		if err != nil || size == 0 {
			return s, true, nil
		}
		s.add(r, size)
		if see != nil {
			see(r)
		}
		rest = rest[size:]
	}
	return s, false, nil
}

// add notes a record of that size behind the last one.
func (s *segment) add(r record, size int) {
	if (s.end-s.first)%markEvery == 0 {
		s.index = append(s.index, mark{s.end, s.size})
	}
	if s.began.IsZero() {
		s.began = r.at
	}
	s.last = r.at
	s.end++
	s.size += int64(size)
}

// count is how many entries lie in it.
func (s *segment) count() uint64 { return s.end - s.first }

// near is the last mark at or before an entry.
func (s *segment) near(number uint64) mark {
	i := min(int((number-s.first)/markEvery), len(s.index)-1)
	return s.index[i]
}

// readSegment gives up to most records from number on, of about size bytes, from
// a file that holds those before behind in its first end bytes. An error comes with the
// records before it.
func readSegment(path string, from mark, number, behind uint64, end int64, most, size int) (list []record, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	in := io.NewSectionReader(f, from.offset, end-from.offset)
	buf := make([]byte, 0, min(int64(size)+64<<10, end-from.offset))
	at, got := from.number, 0 // number of the next record in buf
	for len(list) < most && got < size && at < behind {
		r, n, err := parseRecord(buf, at)
		if err != nil {
			return list, err
		}
		if n > 0 {
			if r.number >= number {
				list = append(list, r)
				got += n
			}
			buf, at = buf[n:], at+1
			continue
		}
		more := make([]byte, len(buf), max(2*len(buf), 256<<10))
		copy(more, buf)
		n, err = io.ReadAtLeast(in, more[len(more):cap(more)], 1)
		buf = more[:len(more)+n]
		if errors.Is(err, io.EOF) {
			return list, errDamaged
		}
		if err != nil {
			return list, fmt.Errorf("read spool: %w", err)
		}
	}
	return list, nil
}
