package agent

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
)

// A Bundle is a version of the runtime as a file, roost-runtime-VERSION.zip: release.json,
// and files/SHA256 for each content that its releases name.
type Bundle struct {
	Version    string
	Texts      map[string]string // of releases, by form: "full/6", "rom/6", "full/6/down"
	Files      map[string][]byte // by SHA-256 in hex
	Signatures []BundleSignature
}

// BundleSignature is an owner's signature of one text.
type BundleSignature struct {
	Form   string `json:"form"`
	Public string `json:"public"` // key in hex
	Sig    string `json:"sig"`    // in hex
}

// Forms of a runtime's release: a profile, and the version of bytecode; 0 is source.
const (
	FormROM    = "rom/6"  // one file, ROMFile
	DownSuffix = "/down"  // of the text that things with a newer runtime take, too
	ROMFile    = "rt.rom" // an image of the lean profile for a ROM
)

// Forms are those that a version can have, without those with DownSuffix.
var Forms = []string{"full/0", "full/6", "lean/0", "lean/6", "python/0", FormROM}

// Bounds of a bundle that comes in.
const (
	MaxBundle        = 16 << 20 // bytes of the zip
	maxBundleContent = 32 << 20 // bytes of all its files, unpacked
	maxBundleFile    = 2 << 20  // bytes of one
	maxBundleEntries = 2000
)

// What a bundle is made of.
const (
	bundleFormat = 1
	bundleMPY    = 6 // bytecode of what is compiled
	bundleList   = "release.json"
	bundleFolder = "files/"
)

// bundleText is release.json.
type bundleText struct {
	Format     int               `json:"roostRuntime"`
	Version    string            `json:"version"`
	MPY        int               `json:"mpy"` // of the compiler that made what is compiled
	Texts      map[string]string `json:"texts"`
	Signatures []BundleSignature `json:"signatures,omitempty"`
}

var runtimeVersion = regexp.MustCompile(`^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){2}$`)

// CheckRuntimeVersion tells whether a runtime may be called so: three numbers under 1000, so
// that no two versions have one RuntimeSeq. Error: roost.Invalid.
func CheckRuntimeVersion(version string) error {
	if !runtimeVersion.MatchString(version) {
		return roost.Errorf(roost.Invalid, "%q is no version of the runtime: these are three numbers under 1000 without zeros before them, like 1.2.0.", clip(version))
	}
	return nil
}

// RuntimeSeq makes the seq of a runtime's releases of its version: 1.2.3 is 1002003.
func RuntimeSeq(version string) (n int64) {
	version, _, _ = strings.Cut(version, "-")
	for i, part := range append(strings.Split(version, "."), "0", "0") {
		if i == 3 {
			break
		}
		v, _ := strconv.ParseInt(part, 10, 32) // what is no number counts nothing
		n = n*1000 + max(0, min(v, 999))
	}
	return n
}

// ReadBundle reads a bundle of size bytes, and checks it. Errors are roost.Invalid or
// roost.TooLarge, and say what is wrong with the file.
func ReadBundle(in io.ReaderAt, size int64) (Bundle, error) {
	if size > MaxBundle {
		return Bundle{}, roost.Errorf(roost.TooLarge, "A file of a runtime has at most %d MiB.", MaxBundle>>20)
	}
	z, err := zip.NewReader(in, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // such paths are refused below
		return Bundle{}, roost.Because(roost.Invalid, err, "This is no zip that can be read: it is damaged, or something else. A runtime's file is made by roost runtime export.")
	}
	if len(z.File) > maxBundleEntries {
		return Bundle{}, roost.Errorf(roost.TooLarge, "The zip has more than %d entries; no runtime has.", maxBundleEntries)
	}
	all, err := entries(z)
	if err != nil {
		return Bundle{}, err
	}
	var list bundleText
	if err := json.Unmarshal(all[bundleList], &list); err != nil || list.Format == 0 {
		return Bundle{}, roost.Errorf(roost.Invalid, "Its %s is not one of a runtime.", bundleList)
	}
	if list.Format != bundleFormat || list.MPY != bundleMPY {
		return Bundle{}, roost.Errorf(roost.Invalid, "The file is of a newer Roost (format %d, bytecode %d); this one reads format %d and bytecode %d.", list.Format, list.MPY, bundleFormat, bundleMPY)
	}
	delete(all, bundleList)
	b := Bundle{Version: list.Version, Texts: list.Texts, Files: map[string][]byte{}, Signatures: list.Signatures}
	for name, content := range all {
		b.Files[strings.TrimPrefix(name, bundleFolder)] = content
	}
	return b, b.Check()
}

// entries gives the contents of a zip of which each name may be in a bundle.
func entries(z *zip.Reader) (map[string][]byte, error) {
	if !slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == bundleList }) {
		hint := "it is made by roost runtime export"
		if slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasSuffix(f.Name, "version.py") }) {
			hint = "this looks like a release of PythingsOS, which goes onto its own shelf"
		}
		return nil, roost.Errorf(roost.Invalid, "The zip has no %s, so it is no runtime of Roost's; %s.", bundleList, hint)
	}
	all := map[string][]byte{}
	left := int64(maxBundleContent)
	for _, f := range z.File {
		if f.Name == bundleFolder && f.FileInfo().IsDir() {
			continue
		}
		digest, inFolder := strings.CutPrefix(f.Name, bundleFolder)
		if f.Name != bundleList && (!inFolder || !isHex(digest, 64)) || f.Mode()&fs.ModeType != 0 {
			return nil, roost.Errorf(roost.Invalid, "The zip has %q, which no file of a runtime has.", clip(f.Name))
		}
		if _, twice := all[f.Name]; twice {
			return nil, roost.Errorf(roost.Invalid, "The zip has %s twice.", f.Name)
		}
		content, err := entry(f, min(left, maxBundleFile))
		if err != nil {
			return nil, err
		}
		left -= int64(len(content))
		all[f.Name] = content
	}
	return all, nil
}

// entry gives the content of one entry, whatever size it claims.
func entry(f *zip.File, most int64) (content []byte, err error) {
	in, err := f.Open()
	if err != nil {
		return nil, roost.Because(roost.Invalid, err, "%s is packed in a way that is not known.", f.Name)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	content, err = io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, roost.Because(roost.Invalid, err, "%s is damaged.", f.Name)
	}
	if int64(len(content)) > most {
		return nil, roost.Errorf(roost.TooLarge, "%s, or the zip as a whole, is larger than any runtime.", f.Name)
	}
	return content, nil
}

// Write writes b as a file; the same b gives the same bytes.
func (b Bundle) Write(w io.Writer) error {
	list := bundleText{Format: bundleFormat, Version: b.Version, MPY: bundleMPY, Texts: b.Texts, Signatures: slices.Clone(b.Signatures)}
	slices.SortFunc(list.Signatures, func(a, b BundleSignature) int {
		return strings.Compare(a.Public+a.Form, b.Public+b.Form)
	})
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(list); err != nil {
		return fmt.Errorf("write %s: %w", bundleList, err)
	}
	z := zip.NewWriter(w)
	put := func(name string, content []byte) error {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		return nil
	}
	if err := put(bundleList, text.Bytes()); err != nil {
		return err
	}
	for _, digest := range slices.Sorted(maps.Keys(b.Files)) {
		if err := put(bundleFolder+digest, b.Files[digest]); err != nil {
			return err
		}
	}
	return z.Close()
}

// clip is the beginning of a text from outside, for a message to people.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
