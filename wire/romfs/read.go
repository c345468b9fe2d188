package romfs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Files unpacks an image; what follows it, as in a partition that it does not fill, is no
// matter. The files are parts of image, not copies. The error is ErrImage with the reason;
// so are names that Image does not take.
func Files(image []byte) (map[string][]byte, error) {
	size, err := Size(image)
	if err != nil {
		return nil, err
	}
	u := unpacking{image: image[:size], files: map[string][]byte{}}
	rest := image[len(magic):size]
	if _, rest, err = number(rest); err == nil {
		err = u.folder("", rest)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	for name := range u.files {
		if dir, _, nested := strings.Cut(name, "/"); nested && u.files[dir] != nil {
			return nil, fmt.Errorf("%w: %q is a file and a folder", ErrImage, dir)
		}
	}
	return u.files, nil
}

// Size is how many bytes of b the image that b begins with takes.
func Size(b []byte) (int, error) {
	if !bytes.HasPrefix(b, []byte(magic)) {
		return 0, fmt.Errorf("%w: it does not begin with D2CD31", ErrImage)
	}
	n, rest, err := number(b[len(magic):])
	if err == nil && n > len(rest) {
		err = errEnd
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrImage, err)
	}
	return len(b) - len(rest) + n, nil
}

var errEnd = errors.New("it ends too early")

// unpacking is an image on its way to files.
type unpacking struct {
	image []byte
	files map[string][]byte
	total int
}

// folder reads the records of a folder; prefix is "" or ends with "/".
func (u *unpacking) folder(prefix string, rest []byte) error {
	for len(rest) > 0 {
		kind, payload, after, err := next(rest)
		if err != nil {
			return err
		}
		rest = after
		if kind != file && kind != folder {
			continue
		}
		name, inside, err := named(payload)
		switch {
		case err != nil:
			return err
		case kind == file:
			err = u.file(prefix+name, inside)
		case prefix != "":
			err = fmt.Errorf("%q is a folder in a folder", prefix+name)
		default:
			err = u.folder(name+"/", inside)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file reads the records of a file up to its data.
func (u *unpacking) file(name string, rest []byte) error {
	if u.files[name] != nil {
		return fmt.Errorf("%q is there twice", name)
	}
	for len(rest) > 0 {
		kind, payload, after, err := next(rest)
		if err != nil {
			return err
		}
		rest = after
		switch kind {
		case verbatim:
			return u.keep(name, payload)
		case pointer:
			data, err := u.pointed(payload)
			if err != nil {
				return err
			}
			return u.keep(name, data)
		}
	}
	return fmt.Errorf("%q has no data", name)
}

func (u *unpacking) keep(name string, data []byte) error {
	if u.total += len(data); u.total > MaxSize {
		return fmt.Errorf("its files have more than %d bytes", MaxSize)
	}
	u.files[name] = data[:len(data):len(data)] // never nil: it is part of the image
	return nil
}

func (u *unpacking) pointed(payload []byte) ([]byte, error) {
	size, rest, err := number(payload)
	if err != nil {
		return nil, err
	}
	at, _, err := number(rest)
	if err != nil || at > len(u.image) || size > len(u.image)-at {
		return nil, errEnd
	}
	return u.image[at : at+size], nil
}

// next splits a record off.
func next(b []byte) (kind int, payload, rest []byte, err error) {
	kind, rest, err = number(b)
	if err == nil {
		payload, rest, err = counted(rest)
	}
	return kind, payload, rest, err
}

// counted splits off bytes that stand behind their length.
func counted(b []byte) (payload, rest []byte, err error) {
	n, rest, err := number(b)
	if err == nil && n > len(rest) {
		err = errEnd
	}
	if err != nil {
		return nil, nil, err
	}
	return rest[:n], rest[n:], nil
}

func named(payload []byte) (name string, rest []byte, err error) {
	b, rest, err := counted(payload)
	if err == nil && !plain(string(b)) {
		err = fmt.Errorf("%.300q is no name for a file in a ROM", b)
	}
	return string(b), rest, err
}

// number splits off a varint; larger ones than MaxSize are refused.
func number(b []byte) (n int, rest []byte, err error) {
	for i, c := range b {
		n = n<<7 | int(c&^more)
		if n > MaxSize {
			return 0, nil, fmt.Errorf("a number in it is larger than %d", MaxSize)
		}
		if c < more {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errEnd
}
