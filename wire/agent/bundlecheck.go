package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// Check holds b against its hashes and signatures, and against what things take. Error:
// roost.Invalid, which says what no thing would take or what would harm it.
func (b Bundle) Check() error {
	if err := CheckRuntimeVersion(b.Version); err != nil {
		return err
	}
	if len(b.Texts) == 0 {
		return roost.Errorf(roost.Invalid, "The runtime %s has no releases.", b.Version)
	}
	for digest, content := range b.Files {
		if d := sha256.Sum256(content); hex.EncodeToString(d[:]) != digest {
			return roost.Errorf(roost.Invalid, "The file %s is damaged: its SHA-256 is another.", digest)
		}
	}
	named := map[string]bool{}
	for _, form := range slices.Sorted(maps.Keys(b.Texts)) {
		r, err := b.checkForm(form)
		if err != nil {
			return err
		}
		for _, f := range r.Files {
			named[f.SHA256] = true
		}
	}
	for digest := range b.Files {
		if !named[digest] {
			return roost.Errorf(roost.Invalid, "The file %s belongs to none of its releases.", digest)
		}
	}
	for _, g := range b.Signatures {
		if err := b.checkSignature(g); err != nil {
			return err
		}
	}
	return nil
}

// checkForm gives the release of a form.
func (b Bundle) checkForm(form string) (Release, error) {
	base, down := strings.CutSuffix(form, DownSuffix)
	if !slices.Contains(Forms, base) {
		return Release{}, roost.Errorf(roost.Invalid, "The runtime has a form %q, of which this Roost knows nothing.", clip(form))
	}
	r, err := ParseRelease(b.Texts[form])
	if err != nil {
		return r, roost.Because(roost.Invalid, err, "The release %s is none: %v.", form, err)
	}
	switch {
	case r.Kind != KindOS:
		return r, roost.Errorf(roost.Invalid, "The release %s is one of an app, not of the runtime.", form)
	case r.Ver != b.Version || r.Seq != RuntimeSeq(b.Version):
		return r, roost.Errorf(roost.Invalid, "The release %s is of the version %q with the number %d, not %s with %d: things would take it again and again.", form, clip(r.Ver), r.Seq, b.Version, RuntimeSeq(b.Version))
	case r.Down != down || r.MinOS != "":
		return r, roost.Errorf(roost.Invalid, "The release %s says other of going back, or of what it needs, than its name.", form)
	}
	if down {
		up, err := ParseRelease(b.Texts[base])
		if err != nil || !maps.Equal(up.Files, r.Files) {
			return r, roost.Errorf(roost.Invalid, "The release %s has other files than %s.", form, base)
		}
	}
	return r, b.checkFiles(base, r)
}

var versionLine = regexp.MustCompile(`(?m)^VERSION = "([^"\n]*)"`)

// checkFiles holds the files of a form against what a thing can start, and what that says of
// its version.
func (b Bundle) checkFiles(form string, r Release) error {
	for name, f := range r.Files {
		content, there := b.Files[f.SHA256]
		if !there || int64(len(content)) != f.Size {
			return roost.Errorf(roost.Invalid, "%s of the release %s is not in the file, or is not as long as it says.", name, form)
		}
		if source, is := strings.CutSuffix(name, ".py"); is {
			if _, both := r.Files[source+".mpy"]; both {
				return roost.Errorf(roost.Invalid, "The release %s has %s in two forms; things take one.", form, source)
			}
		}
		if (form == FormROM) != (name == ROMFile) || strings.HasSuffix(form, "/0") && strings.HasSuffix(name, ".mpy") {
			return roost.Errorf(roost.Invalid, "The release %s has a file %s, which does not belong to that form.", form, name)
		}
	}
	first := "rt/__init__.mpy"
	switch {
	case form == FormROM:
		first = ROMFile
	case strings.HasSuffix(form, "/0"):
		first = "rt/__init__.py"
	}
	f, there := r.Files[first]
	if !there {
		return roost.Errorf(roost.Invalid, "The release %s has no %s: no thing could start it.", form, first)
	}
	content := b.Files[f.SHA256]
	says := bytes.Contains(content, []byte(b.Version))
	if found := versionLine.FindSubmatch(content); strings.HasSuffix(first, ".py") {
		says = found != nil && string(found[1]) == b.Version
	}
	if !says {
		return roost.Errorf(roost.Invalid, "%s of the release %s does not say the version %s: things would take it again and again.", first, form, b.Version)
	}
	return nil
}

func (b Bundle) checkSignature(g BundleSignature) error {
	key, err := hex.DecodeString(g.Public)
	if text, there := b.Texts[g.Form]; err != nil || !there || !isHex(g.Sig, 128) || !Signed(key, text, g.Sig) {
		return roost.Errorf(roost.Invalid, "A signature of the release %q does not hold.", clip(g.Form))
	}
	return nil
}
