package release

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
)

// inspect gives what things download of a platform, as its list says or, without one, all
// files. It refuses what would harm a device: a version.py that says another version
// makes it download for ever, a file that is missing or cut makes it fall back.
func inspect(root *os.Root, version, platform string) ([]OSFile, error) {
	dir := path.Join(version, platform)
	have, err := filesIn(root, dir)
	if err != nil {
		return nil, err
	}
	text, err := root.ReadFile(path.Join(dir, versionFile))
	if err != nil {
		return nil, roost.Errorf(roost.Invalid, "%s has no %s, by which devices know what runs.", dir, versionFile)
	}
	if says := versionIn(text); says != version {
		return nil, roost.Errorf(roost.Invalid, "%s of %s says %q; a device would download it again and again.", versionFile, dir, short(says))
	}
	list, err := root.ReadFile(path.Join(dir, listFile))
	if errors.Is(err, fs.ErrNotExist) {
		return made(have), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", listFile, err)
	}
	files, err := ParseOSFiles(list)
	if err != nil {
		return nil, roost.Errorf(roost.Invalid, "%s of %s: %s", listFile, dir, roost.Message(err))
	}
	return files, agree(dir, files, have)
}

// agree refuses a list of files that are not there, or not as long as it says. Of
// itself a list cannot tell: it grows by what it tells.
func agree(dir string, files []OSFile, have map[string]int64) error {
	for i := range files {
		size, ok := have[files[i].Name]
		switch {
		case !ok:
			return roost.Errorf(roost.Invalid, "%s lists %s, which is not there.", dir, files[i].Name)
		case files[i].Name == listFile:
			files[i].Size = size
		case size != files[i].Size:
			return roost.Errorf(roost.Invalid, "%s lists %s with %d bytes; it has %d.", dir, files[i].Name, files[i].Size, size)
		}
	}
	return nil
}

// filesIn gives the sizes of the files of a platform; folders in it are left out.
func filesIn(root *os.Root, dir string) (map[string]int64, error) {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	have := map[string]int64{}
	for _, e := range entries {
		if !e.Type().IsRegular() || leftOut(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("look at %s of %s: %w", e.Name(), dir, err)
		}
		if err := checkOSFile(e.Name()); err != nil {
			return nil, err
		}
		if info.Size() > maxOSFile {
			return nil, roost.Errorf(roost.TooLarge, "%s of %s has %d bytes; a file of a release has at most %d.", e.Name(), dir, info.Size(), maxOSFile)
		}
		have[e.Name()] = info.Size()
	}
	return have, nil
}

var versionLine = regexp.MustCompile(`(?m)^\s*version\s*=\s*(?:'([^'\r\n]*)'|"([^"\r\n]*)")`)

// versionIn gives the version that a version.py says, "" if none.
func versionIn(text []byte) string {
	m := versionLine.FindSubmatch(text)
	if m == nil {
		return ""
	}
	return string(m[1]) + string(m[2])
}

// ParseOSFiles reads a files.txt: a line "file:SIZE:NAME" for each file. version.py, which
// tells a device that it has all, comes last whatever the order.
func ParseOSFiles(list []byte) ([]OSFile, error) {
	var files []OSFile
	last := -1
	lines := bufio.NewScanner(bytes.NewReader(list))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		f, err := parseOSFile(line)
		if err != nil {
			return nil, roost.Errorf(roost.Invalid, "line %d: %s", n, roost.Message(err))
		}
		if slices.ContainsFunc(files, func(o OSFile) bool { return o.Name == f.Name }) {
			return nil, roost.Errorf(roost.Invalid, "line %d: %s stands there twice.", n, f.Name)
		}
		if f.Name == versionFile {
			last = len(files)
		}
		if files = append(files, f); len(files) > maxFiles {
			return nil, roost.Errorf(roost.TooLarge, "there are more than %d files.", maxFiles)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, roost.Because(roost.Invalid, err, "a line is too long.")
	}
	if last < 0 {
		return nil, roost.Errorf(roost.Invalid, "%s is not in it.", versionFile)
	}
	v := files[last]
	return append(slices.Delete(files, last, last+1), v), nil
}

func parseOSFile(line string) (OSFile, error) {
	rest, ok := strings.CutPrefix(line, "file:")
	digits, name, more := strings.Cut(rest, ":")
	size, err := strconv.ParseInt(digits, 10, 64)
	if !ok || !more || err != nil || size < 0 || digits[0] == '+' {
		return OSFile{}, roost.Errorf(roost.Invalid, "%q is not file:SIZE:NAME.", short(line))
	}
	return OSFile{Name: name, Size: size}, checkOSFile(name)
}

// made gives the list of a platform that has none: all but what an update never touches,
// and the list itself, as releases have it.
func made(have map[string]int64) (files []OSFile) {
	for name, size := range have {
		if name != "boot.py" && name != "hal.py" && name != versionFile && name != listFile {
			files = append(files, OSFile{Name: name, Size: size})
		}
	}
	slices.SortFunc(files, func(a, b OSFile) int { return strings.Compare(a.Name, b.Name) })
	return append(files, OSFile{Name: versionFile, Size: have[versionFile]})
}

// formatOSFiles writes a files.txt that lists itself too, with the size that it has then.
func formatOSFiles(files []OSFile) []byte {
	for size := int64(0); ; {
		var b bytes.Buffer
		for _, f := range files {
			if f.Name == versionFile {
				fmt.Fprintf(&b, "file:%d:%s\n", size, listFile)
			}
			fmt.Fprintf(&b, "file:%d:%s\n", f.Size, f.Name)
		}
		if int64(b.Len()) == size {
			return b.Bytes()
		}
		size = int64(b.Len())
	}
}
