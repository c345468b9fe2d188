package install

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strconv"
)

const (
	// piece is what goes in one statement: its line, twice as much compiled, and
	// the bytes themselves must have room on the smallest board.
	piece      = 384
	tries      = 3
	unfinished = ".new" // name of a file while it is being written
)

// state is what a file on the board is now.
type state struct {
	there bool
	size  int64
	sum   string // SHA-256, hex
}

func (b *Board) state(ctx context.Context, name string) (state, error) {
	lines, err := b.call(ctx, 0, "_sha("+quote(name)+")")
	if err != nil {
		return state{}, fmt.Errorf("read %s back: %w", name, err)
	}
	if len(lines) == 1 && lines[0] == "-" {
		return state{}, nil
	}
	if len(lines) != 2 {
		return state{}, oddAnswer("_sha", lines)
	}
	size, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil {
		return state{}, oddAnswer("_sha", lines)
	}
	return state{there: true, size: size, sum: lines[1]}, nil
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// WriteFile makes the file be that: beside the old one first, then it is read
// back, and only if it is right it takes the place of the old one. Folders are
// made. sent is told of the bytes that have gone; nil is fine.
func (b *Board) WriteFile(ctx context.Context, name string, data []byte, sent func(n int)) error {
	if err := b.makeFolders(ctx, path.Dir(name)); err != nil {
		return err
	}
	var err error
	for range tries {
		if err = b.writeOnce(ctx, name, data, sent); err == nil {
			return nil
		}
		if !errors.Is(err, errDiffers) {
			break
		}
	}
	if _, is := errors.AsType[*PythonError](err); is || errors.Is(err, errDiffers) {
		_, _ = b.exec(ctx, "_rm("+quote(name+unfinished)+")") // what counts is why
	}
	return fmt.Errorf("write %s: %w", name, err)
}

var errDiffers = errors.New("what the board has is not what was sent")

func (b *Board) writeOnce(ctx context.Context, name string, data []byte, sent func(int)) error {
	temp := quote(name + unfinished)
	if _, err := b.exec(ctx, "_put("+temp+")"); err != nil {
		return err
	}
	told := 0
	for rest := data; len(rest) > 0; {
		n := min(piece, len(rest))
		if _, err := b.exec(ctx, "_w(b'"+base64.StdEncoding.EncodeToString(rest[:n])+"')"); err != nil {
			return err
		}
		rest, told = rest[n:], told+n
		if sent != nil {
			sent(n)
		}
	}
	if _, err := b.exec(ctx, "_end()"); err != nil {
		return err
	}
	now, err := b.state(ctx, name+unfinished)
	if err != nil {
		return err
	}
	if !now.there || now.size != int64(len(data)) || now.sum != sumOf(data) {
		if sent != nil {
			sent(-told)
		}
		return errDiffers
	}
	_, err = b.exec(ctx, "_mv("+temp+", "+quote(name)+")")
	return err
}

func (b *Board) makeFolders(ctx context.Context, dir string) error {
	if dir == "." || dir == "/" {
		return nil
	}
	if err := b.makeFolders(ctx, path.Dir(dir)); err != nil {
		return err
	}
	if _, err := b.exec(ctx, "_mkdir("+quote(dir)+")"); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	return nil
}

// Remove takes a file away; one that is not there is no error.
func (b *Board) Remove(ctx context.Context, name string) error {
	if _, err := b.exec(ctx, "_rm("+quote(name)+")"); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	now, err := b.state(ctx, name)
	if err == nil && now.there {
		err = errors.New("it is still there")
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// line gives one line of a file, counted from 1; false when there is no file.
func (b *Board) line(ctx context.Context, name string, number int) (string, bool, error) {
	v, err := b.call(ctx, 1, fmt.Sprintf("_line(%s, %d)", quote(name), number))
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", name, err)
	}
	if v[0] == "-" || v[0] == "" {
		return "", false, nil
	}
	return v[0][1:], true, nil
}
