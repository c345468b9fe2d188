package romfs_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/wire/romfs"
)

// few are files whose image was written by hand from the format.
var few = map[string][]byte{"b.py": []byte("x=1\n"), "a": {}, "rt/link.mpy": []byte("M\x06\x00\x1f"), "rt/a": []byte("!")}

const fewImage = "\xd2\xcd\x31\x30" +
	"\x05\x04\x01a\x02\x00" +
	"\x05\x0b\x04b.py\x02\x04x=1\n" +
	"\x04\x1b\x02rt" + "\x05\x05\x01a\x02\x01!" + "\x05\x0f\x08link.mpy\x02\x04M\x06\x00\x1f"

func TestImageIsThatOfTheFormat(t *testing.T) {
	image, err := romfs.Image(few)
	if err != nil {
		t.Fatal(err)
	}
	if string(image) != fewImage {
		t.Errorf("%q\n%q", image, fewImage)
	}
}

func TestFilesComeBack(t *testing.T) {
	large := map[string][]byte{"large": bytes.Repeat([]byte("0123456789abcdef"), 20000), "rt/__init__.py": nil}
	for _, files := range []map[string][]byte{few, large, {}} {
		image, err := romfs.Image(files)
		if err != nil {
			t.Fatal(err)
		}
		partition := append(slices.Clone(image), bytes.Repeat([]byte{0xff}, 100)...)
		got, err := romfs.Files(partition)
		if err != nil || !maps.EqualFunc(got, files, bytes.Equal) {
			t.Errorf("%d bytes came back as %d files, %v", len(image), len(got), err)
		}
		if len(image)%4 != 0 {
			t.Errorf("%d bytes are no multiple of 4", len(image))
		}
		if n, err := romfs.Size(partition); n != len(image) || err != nil {
			t.Errorf("the image has %d of %d bytes, %v", n, len(image), err)
		}
	}
}

func TestDataMayLieElsewhere(t *testing.T) {
	image := []byte("\xd2\xcd\x31\x15" + "\x02\x04data" + "\x01\x03pad" + "\x05\x08\x02at" + "\x03\x03\x04\x80\x06")
	files, err := romfs.Files(image)
	if err != nil || string(files["at"]) != "data" {
		t.Errorf("%q, %v", files, err)
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	for name, image := range map[string]string{
		"nothing":             "",
		"another file system": "littlefs........",
		"a cut one":           fewImage[:len(fewImage)-1],
		"an erased one":       "\xff\xff\xff\xff",
		"a length for ever":   "\xd2\xcd\x31\x80\x80\x80",
		"too long a record":   "\xd2\xcd\x31\x06\x05\x05\x01a\x02\x00",
		"a huge length":       "\xd2\xcd\x31\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		"a file twice":        "\xd2\xcd\x31\x0c\x05\x04\x01a\x02\x00\x05\x04\x01a\x02\x00",
		"no data":             "\xd2\xcd\x31\x04\x05\x02\x01a",
		"data beyond the end": "\xd2\xcd\x31\x08\x05\x06\x01a\x03\x02\x7f\x00",
		"a folder too deep":   "\xd2\xcd\x31\x08\x04\x06\x01a\x04\x02\x01b",
		"a name with a path":  "\xd2\xcd\x31\x08\x05\x06\x03a/b\x02\x00",
		"a way up":            "\xd2\xcd\x31\x07\x05\x05\x02..\x02\x00",
		"a file and a folder": "\xd2\xcd\x31\x10\x05\x04\x01a\x02\x00\x04\x08\x01a\x05\x04\x01b\x02\x00",
	} {
		if files, err := romfs.Files([]byte(image)); !errors.Is(err, romfs.ErrImage) {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
	}
	for _, name := range []string{"", "/a", "a/", "a/b/c", "..", "a/..", "./a", "a\x00", strings.Repeat("x", 256)} {
		if _, err := romfs.Image(map[string][]byte{name: nil}); err == nil {
			t.Errorf("packed %q", name)
		}
	}
	if _, err := romfs.Image(map[string][]byte{"a": nil, "a/b": nil}); err == nil {
		t.Error("packed a file and a folder of one name")
	}
	if _, err := romfs.Image(map[string][]byte{"a": make([]byte, romfs.MaxSize)}); err == nil {
		t.Error("packed more than a ROM has")
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte(fewImage))
	f.Add([]byte("\xd2\xcd\x31\x15\x02\x04data\x01\x03pad\x05\x08\x02at\x03\x03\x04\x80\x06"))
	f.Add([]byte("\xd2\xcd\x31\x00"))
	f.Add([]byte("\xd2\xcd\x31\x80\x80\x06\x04\x04\x02rt\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := romfs.Files(b)
		if err != nil {
			if !errors.Is(err, romfs.ErrImage) {
				t.Errorf("%v is not told", err)
			}
			return
		}
		image, err := romfs.Image(files)
		if err != nil {
			t.Fatalf("what was read cannot be packed: %v", err)
		}
		if again, err := romfs.Files(image); err != nil || !maps.EqualFunc(again, files, bytes.Equal) {
			t.Errorf("%q came back as %q, %v", files, again, err)
		}
	})
}
