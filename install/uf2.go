package install

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/roost-iot/roost/wire/firmware"
)

// Drive is a board that is a drive of this machine while its loader runs.
type Drive struct {
	Path string
	Chip string // rp2040, rp2350
}

// infoFile stands on each such drive and says which board it is.
const infoFile = "INFO_UF2.TXT"

// boardIDs are those of the loaders in the ROM.
var boardIDs = map[string]string{"RPI-RP2": "rp2040", "RP2350": "rp2350"}

// Drives are those that are mounted where systems usually do it.
func Drives() []Drive {
	var places []string
	switch runtime.GOOS {
	case "windows":
		for letter := 'D'; letter <= 'Z'; letter++ {
			places = append(places, string(letter)+`:\`)
		}
	case "darwin":
		places, _ = filepath.Glob("/Volumes/*")
	default:
		for _, where := range []string{"/media/*/*", "/media/*", "/run/media/*/*", "/mnt/*"} {
			found, _ := filepath.Glob(where) // the pattern is a good one
			places = append(places, found...)
		}
	}
	var all []Drive
	for _, path := range places {
		if d, err := DriveAt(path); err == nil && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// DriveAt looks at one place.
func DriveAt(path string) (Drive, error) {
	info, err := os.ReadFile(filepath.Join(path, infoFile))
	if err != nil {
		return Drive{}, fmt.Errorf("%s is no drive of a board: %w", path, err)
	}
	id := boardID(info)
	chip, known := boardIDs[id]
	if !known {
		return Drive{}, fmt.Errorf("%s is the drive of a board that is not known here (%q)", path, id)
	}
	return Drive{Path: path, Chip: chip}, nil
}

// boardID finds the line "Board-ID: RPI-RP2".
func boardID(info []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(info))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.EqualFold(strings.TrimSpace(name), "Board-ID") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// CopyUF2 puts a firmware onto a board, which starts it at once, and is no drive any more.
func CopyUF2(ctx context.Context, d Drive, file []byte, sent func(done, all int64)) error {
	image, err := firmware.Parse(file)
	switch {
	case err != nil:
		return fmt.Errorf("this is no firmware: %w", err)
	case image.Kind != firmware.UF2:
		return fmt.Errorf("this firmware is for an %s and goes there with --flash", image.Chip)
	case image.Chip != d.Chip:
		return fmt.Errorf("this firmware is for an %s and the board is an %s; nothing was written", image.Chip, d.Chip)
	}
	const piece = 64 << 10
	out, err := os.OpenFile(filepath.Join(d.Path, "ROOST.UF2"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write to the drive: %w", err)
	}
	defer out.Close()
	for done := 0; done < len(file); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := out.Write(file[done:min(done+piece, len(file))])
		done += n
		if err == nil {
			err = out.Sync() // else it would all be in memory, and the bar tell of nothing
		}
		if err != nil && !(done == len(file) && isGone(d)) {
			return fmt.Errorf("write to the drive: %w", err)
		}
		tell(sent, done, len(file))
	}
	if err := out.Close(); err != nil && !isGone(d) {
		return fmt.Errorf("write to the drive: %w", err)
	}
	return nil
}

// isGone tells whether the board has started what it got.
func isGone(d Drive) bool {
	_, err := os.Stat(filepath.Join(d.Path, infoFile))
	return err != nil
}
