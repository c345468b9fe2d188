package agent

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// Sizes of a frame, in bytes:
//
//	session (8) | counter (4) | ciphertext | tag (16)
const (
	tagSize  = 16
	headSize = SessionSize + 4
	Overhead = headSize + tagSize // of a frame over what it hides
	MaxBody  = 64 << 10           // of a request, its frame counted
)

var (
	// ErrFrame says that bytes are no frame.
	ErrFrame = errors.New("this is no frame")
	// ErrTag says that a frame, or an answer in clear, was not made with this key for this
	// purpose, or was altered.
	ErrTag = errors.New("the tag of the frame is wrong")
)

// Session is the keys of a session: up to Roost, down to the thing. It keeps no state and
// may be used by many at a time.
type Session struct {
	ID             SessionID
	up, down       cipher.Block
	macUp, macDown [32]byte
}

// NewSession makes the keys of a session of the holder of k.
func NewSession(k Key, thing, server Nonce, id SessionID) *Session {
	b := derive(k[:], string(thing[:])+string(server[:]), "roost d1"+string(id[:]), 96)
	s := &Session{ID: id, up: block(b[:16]), down: block(b[16:32])}
	copy(s.macUp[:], b[32:64])
	copy(s.macDown[:], b[64:])
	return s
}

// block is AES-128.
func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for keys of another size than 16 bytes
	}
	return b
}

// Head reads whose frame b is and its counter. Error: ErrFrame.
func Head(b []byte) (id SessionID, counter uint32, err error) {
	if len(b) < Overhead {
		return id, 0, ErrFrame
	}
	return SessionID(b), binary.BigEndian.Uint32(b[SessionSize:]), nil
}

// SealUp makes the frame of a request.
func (s *Session) SealUp(path string, counter uint32, plain []byte) []byte {
	return s.seal(s.up, s.macUp[:], path, counter, plain)
}

// OpenUp reads the frame of a request. Errors: ErrFrame, ErrTag.
func (s *Session) OpenUp(path string, frame []byte) (counter uint32, plain []byte, err error) {
	return s.open(s.up, s.macUp[:], path, frame)
}

// SealDown makes the frame of the answer to the request of this path and counter.
func (s *Session) SealDown(path string, counter uint32, plain []byte) []byte {
	return s.seal(s.down, s.macDown[:], path, counter, plain)
}

// OpenDown reads the frame of an answer. Errors: ErrFrame, ErrTag.
func (s *Session) OpenDown(path string, frame []byte) (counter uint32, plain []byte, err error) {
	return s.open(s.down, s.macDown[:], path, frame)
}

func (s *Session) seal(b cipher.Block, key []byte, path string, counter uint32, plain []byte) []byte {
	frame := make([]byte, headSize, len(plain)+Overhead)
	copy(frame, s.ID[:])
	binary.BigEndian.PutUint32(frame[SessionSize:], counter)
	frame = append(frame, plain...)
	stream(b, counter).XORKeyStream(frame[headSize:], frame[headSize:])
	return append(frame, sum(key, []byte(path), frame)[:tagSize]...)
}

func (s *Session) open(b cipher.Block, key []byte, path string, frame []byte) (uint32, []byte, error) {
	id, counter, err := Head(frame)
	if err != nil {
		return 0, nil, err
	}
	body, tag := frame[:len(frame)-tagSize], frame[len(frame)-tagSize:]
	if id != s.ID || !Equal(tag, sum(key, []byte(path), body)[:tagSize]) {
		return 0, nil, ErrTag
	}
	plain := make([]byte, len(body)-headSize)
	stream(b, counter).XORKeyStream(plain, body[headSize:])
	return counter, plain, nil
}

// stream is counter mode whose blocks are counter (4) | 0 (8) | number from 0 (4).
func stream(b cipher.Block, counter uint32) cipher.Stream {
	var first [aes.BlockSize]byte
	binary.BigEndian.PutUint32(first[:], counter)
	return cipher.NewCTR(b, first[:])
}

// Window takes each counter of a session once, out of order by less than 64. The zero
// Window has taken none. One goroutine uses it at a time.
type Window struct {
	newest uint32
	seen   uint64 // bit i: newest-i was taken
}

// windowSize is how many counters up to the newest are remembered; older ones are refused.
const windowSize = 64

// Take takes counter, and tells whether it could be: it was not before, and is not too old.
func (w *Window) Take(counter uint32) bool {
	switch {
	case counter == 0:
		return false
	case counter > w.newest:
		w.seen = w.seen<<min(counter-w.newest, windowSize) | 1 // a shift by 64 gives 0
		w.newest = counter
		return true
	}
	behind := w.newest - counter
	if behind >= windowSize || w.seen&(1<<behind) != 0 {
		return false
	}
	w.seen |= 1 << behind
	return true
}
