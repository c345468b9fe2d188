package install

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Commands of the ROM loader. The protocol is Espressif's:
// https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/serial-protocol.html
//
//	request   00 command size(2) checksum(4) data
//	response  01 command size(2) value(4)    data status error [0 0]
//
// all little endian, each in a SLIP packet. Chips after the ESP8266 send two
// bytes more behind the status.
type command byte

const (
	flashBegin   command = 0x02
	flashData    command = 0x03
	syncUp       command = 0x08
	writeReg     command = 0x09
	readReg      command = 0x0a
	spiSetParams command = 0x0b
	spiAttach    command = 0x0d
	changeBaud   command = 0x0f
	deflBegin    command = 0x10
	deflData     command = 0x11
	flashMD5     command = 0x13
	securityInfo command = 0x14
)

var commandNames = map[command]string{
	flashBegin: "FLASH_BEGIN", flashData: "FLASH_DATA", syncUp: "SYNC", writeReg: "WRITE_REG", readReg: "READ_REG",
	spiSetParams: "SPI_SET_PARAMS", spiAttach: "SPI_ATTACH", changeBaud: "CHANGE_BAUDRATE", deflBegin: "FLASH_DEFL_BEGIN",
	deflData: "FLASH_DEFL_DATA", flashMD5: "SPI_FLASH_MD5", securityInfo: "GET_SECURITY_INFO",
}

func (c command) String() string { return commandNames[c] }

// RefusedError is a command that the loader took and did not do.
type RefusedError struct {
	Command string
	Code    byte
}

// codes are what the ROM's error numbers mean.
var codes = map[byte]string{
	0x05: "the message is invalid", 0x06: "it could not act on it", 0x07: "the checksum is wrong",
	0x08: "the flash was not written right", 0x09: "the flash cannot be read", 0x0a: "too much to read at once",
	0x0b: "it cannot unpack the data",
}

func (e *RefusedError) Error() string {
	why := codes[e.Code]
	if why == "" {
		why = "for a reason without a name"
	}
	return fmt.Sprintf("the loader refuses %s: %s (%#02x)", e.Command, why, e.Code)
}

// response is one, taken apart.
type response struct {
	command command
	value   uint32
	data    []byte // with the status behind it
}

var errResponse = errors.New("broken response")

// parseResponse takes a packet apart.
func parseResponse(packet []byte) (response, error) {
	if len(packet) < 8 || packet[0] != 1 || int(binary.LittleEndian.Uint16(packet[2:])) != len(packet)-8 {
		return response{}, errResponse
	}
	return response{command: command(packet[1]), value: binary.LittleEndian.Uint32(packet[4:]), data: packet[8:]}, nil
}

// split takes the status off a response that has n bytes of data if all is well.
func (r response) split(n int) ([]byte, error) {
	if len(r.data) < n+2 { // so it has none
		n = 0
	}
	if len(r.data) < 2 {
		return nil, errResponse
	}
	if r.data[n] != 0 {
		return nil, &RefusedError{Command: r.command.String(), Code: r.data[n+1]}
	}
	return r.data[:n], nil
}

// words are the data of most commands.
func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// checksum is that of the data commands.
func checksum(data []byte) uint32 {
	sum := byte(0xef)
	for _, c := range data {
		sum ^= c
	}
	return uint32(sum)
}

func request(c command, sum uint32, data []byte) []byte {
	p := []byte{0, byte(c)}
	p = binary.LittleEndian.AppendUint16(p, uint16(len(data)))
	p = binary.LittleEndian.AppendUint32(p, sum)
	return appendSLIP(nil, append(p, data...))
}

// romWait is for commands that do nothing that takes time.
const romWait = 3 * time.Second

// Loader is a chip that runs the loader in its ROM.
type Loader struct {
	wire
	chip *Chip
	size int64 // of the flash, bytes; 0: unknown
	baud int
}

// do sends a command and gives the n bytes of data of its answer and its value.
// Answers to others before it are passed over.
func (l *Loader) do(ctx context.Context, c command, wait time.Duration, n int, data []byte) ([]byte, uint32, error) {
	return l.send(ctx, c, wait, n, 0, data)
}

func (l *Loader) send(ctx context.Context, c command, wait time.Duration, n int, sum uint32, data []byte) ([]byte, uint32, error) {
	if err := l.write(ctx, request(c, sum, data)); err != nil {
		return nil, 0, err
	}
	end := time.Now().Add(wait)
	for {
		r, err := l.receive(ctx, end)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", c, err)
		}
		if r.command != c {
			continue
		}
		got, err := r.split(n)
		return got, r.value, err
	}
}

// receive waits for a response until end; what is broken is passed over.
func (l *Loader) receive(ctx context.Context, end time.Time) (response, error) {
	for {
		packet, rest, err := cutSLIP(l.in)
		l.in = append(l.in[:0], rest...)
		switch {
		case err != nil:
			continue
		case packet != nil:
			if r, err := parseResponse(packet); err == nil {
				return r, nil
			}
			continue
		}
		more, err := l.fill(ctx, time.Until(end))
		if err != nil {
			return response{}, err
		}
		if !more {
			return response{}, errSilent
		}
	}
}
