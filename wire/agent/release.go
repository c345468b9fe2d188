package agent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Kinds of releases.
const (
	KindApp = "app"
	KindOS  = "os"
)

// Release is r: all files of a version in all their forms, the same for every thing.
type Release struct {
	Kind  string          `json:"kind"`
	Ver   string          `json:"ver"`
	Seq   int64           `json:"seq"`            // rises from release to release; seconds since 1970
	Down  bool            `json:"down,omitempty"` // may be taken although its seq is lower
	MinOS string          `json:"min_os,omitempty"`
	Files map[string]File `json:"files"`
}

// File is the size in bytes of a file and its SHA-256 in hex.
type File struct {
	Size   int64
	SHA256 string
}

// MarshalJSON gives [size, "sha256"].
func (f File) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `[%d,%q]`, f.Size, f.SHA256), nil
}

// UnmarshalJSON reads [size, "sha256"].
func (f *File) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errors.New("a file is its size and its SHA-256")
	}
	return errors.Join(json.Unmarshal(pair[0], &f.Size), json.Unmarshal(pair[1], &f.SHA256))
}

// FileOf measures a file.
func FileOf(content []byte) File {
	d := sha256.Sum256(content)
	return File{Size: int64(len(content)), SHA256: hex.EncodeToString(d[:])}
}

// Envelope is e: what of a release is for one thing.
type Envelope struct {
	For string   `json:"for"` // its id
	N   int64    `json:"n"`   // rises with everything that the thing is offered
	Use []string `json:"use"` // names of the files that it takes
}

// Update is an offer of a release to a thing. R and E are used as they came.
type Update struct {
	R   string `json:"r"`
	E   string `json:"e"`
	MAC string `json:"mac"`           // UpdateMAC, in hex
	Sig string `json:"sig,omitempty"` // by the owner's release key over R, in hex
}

// mostFiles bounds the files of a release.
const mostFiles = 512

// Text writes a Release or an Envelope as it shall be signed: one line of JSON, members in
// their order, those of maps sorted. No error for these two.
func Text(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("write the text of a release: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// UpdateMAC proves to the holder of k that an update comes from Roost: the envelope e of the
// release r.
func (k Key) UpdateMAC(e, r string) []byte {
	key := derive(k[:], "", "roost update", KeySize)
	return sum(key, []byte(e), []byte("\n"), []byte(r))
}

// Offer makes an update for the holder of k: of the texts of a release and its envelope, and
// of the owner's signature over r in hex, "" for none.
func (k Key) Offer(r, e, sig string) Update {
	return Update{R: r, E: e, MAC: hex.EncodeToString(k.UpdateMAC(e, r)), Sig: sig}
}

// Sign signs the text of a release by the owner's key (RFC 8032), in hex.
func Sign(key ed25519.PrivateKey, r string) string {
	return hex.EncodeToString(ed25519.Sign(key, []byte(r)))
}

// Signed tells whether sig, in hex, is that of r by the owner of the public key; never for a
// key that is none.
func Signed(public ed25519.PublicKey, r, sig string) bool {
	b, err := hex.DecodeString(sig)
	return err == nil && len(public) == ed25519.PublicKeySize && len(b) == ed25519.SignatureSize &&
		ed25519.Verify(public, []byte(r), b)
}

// OwnerName is how a thing tells which release key it has: the first 16 hex digits of
// the SHA-256 of its 32 bytes.
func OwnerName(public ed25519.PublicKey) string {
	d := sha256.Sum256(public)
	return hex.EncodeToString(d[:8])
}

// ParseRelease reads the text of a release. An error says why no thing would take it.
func ParseRelease(text string) (Release, error) {
	var r Release
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("read a release: %w", err)
	}
	switch {
	case r.Kind != KindApp && r.Kind != KindOS:
		return r, fmt.Errorf("a release of kind %q", r.Kind)
	case r.Ver == "" || len(r.Ver) > 64:
		return r, errors.New("a release has a version of up to 64 characters")
	case len(r.Files) > mostFiles:
		return r, fmt.Errorf("a release of %d files; %d are the most", len(r.Files), mostFiles)
	}
	for name, f := range r.Files {
		if !PlainName(name) || f.Size < 0 || !isHex(f.SHA256, 64) {
			return r, fmt.Errorf("file %q of a release has no plain name, no size or no SHA-256", name)
		}
	}
	return r, nil
}

// ParseEnvelope reads the text of an envelope. An error says why no thing would take it.
func ParseEnvelope(text string) (Envelope, error) {
	var e Envelope
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return e, fmt.Errorf("read an envelope: %w", err)
	}
	if e.For == "" || e.N <= 0 || len(e.Use) > mostFiles {
		return e, errors.New("an envelope says for whom, has a number, and not too many files")
	}
	return e, nil
}

// PlainName tells whether things take a file of this name: at most 64 letters, digits, "_",
// "." and "-", with one "/" at most.
func PlainName(name string) bool {
	if name == "" || len(name) > 64 || strings.Count(name, "/") > 1 {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' || c == '/') {
			return false
		}
	}
	return true
}

// isHex tells whether s is n hex digits in lower case.
func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
