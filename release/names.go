package release

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roost-iot/roost"
)

// Bounds of what an app is made of.
const (
	maxFile    = 256 << 10 // bytes of one file
	maxCommit  = 1 << 20   // bytes of all files of a commit
	maxFiles   = 200
	maxPools   = 200
	maxName    = 64 // characters of an app's or a file's name
	maxWord    = 36 // of a pool's or a tag's
	maxMessage = 4 << 10
)

// CheckAppName tells whether an app may be called so: 1 to 64 characters that can be seen.
func CheckAppName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return roost.Errorf(roost.Invalid, "Give the app a name.")
	case strings.TrimSpace(name) != name:
		return roost.Errorf(roost.Invalid, "The name of an app neither begins nor ends with a space.")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return roost.Errorf(roost.Invalid, "The name of an app has characters that cannot be shown.")
	case utf8.RuneCountInString(name) > maxName:
		return roost.Errorf(roost.Invalid, "The name of an app has at most %d characters.", maxName)
	}
	return nil
}

// CheckFileName tells whether a file may be called so. All files of an app lie in one
// folder: that of the device.
func CheckFileName(name string) error {
	switch {
	case name == "":
		return roost.Errorf(roost.Invalid, "Give the file a name.")
	case strings.ContainsAny(name, `/\`):
		return roost.Errorf(roost.Invalid, "%q is in a folder; the files of an app lie side by side.", short(name))
	case len(name) > maxName:
		return roost.Errorf(roost.Invalid, "%q is too long: the name of a file has at most %d characters.", short(name), maxName)
	case name == "boot.py":
		return roost.Errorf(roost.Invalid, "boot.py belongs to the device: a faulty one would leave it dead.")
	case isDigit(name[0]) || name[0] == '.' || name[0] == '-' || !only(name, "_.-"):
		return roost.Errorf(roost.Invalid, "%q is no name for a file: letters, digits and _ . - make one, a letter or _ first.", short(name))
	case strings.Contains(name, ".."):
		return roost.Errorf(roost.Invalid, "%q is no name for a file: it has two dots in a row.", name)
	}
	return nil
}

// maxBoard is the most characters of a kind of board: with a dash and a MAC behind it,
// it is a thing's id.
const maxBoard = 48

// CheckBoard tells whether a kind of board, and its directory, may be called so.
func CheckBoard(name string) error {
	switch {
	case name == "":
		return roost.Errorf(roost.Invalid, "Give the kind of board a name.")
	case len(name) > maxBoard:
		return roost.Errorf(roost.Invalid, "%q is too long: a kind of board has at most %d characters.", short(name), maxBoard)
	case !isLetter(name[0]) && !isDigit(name[0]) || !only(name, "_.-"):
		return roost.Errorf(roost.Invalid, "%q is no name for a kind of board: letters, digits and _ . - make one, a letter or a digit first.", short(name))
	case strings.Contains(name, ".."):
		return roost.Errorf(roost.Invalid, "%q is no name for a kind of board: it has two dots in a row.", name)
	}
	return nil
}

// CheckBoardFile tells whether a file may be kept for boards, by name and content.
func CheckBoardFile(name, content string) error { return checkDraft(name, content) }

// CheckPoolName tells whether a pool may be called so.
func CheckPoolName(name string) error { return checkWord("pool", name) }

// CheckTagName tells whether a tag may be called so: not like a commit, nor "latest".
func CheckTagName(name string) error {
	switch {
	case strings.EqualFold(name, roost.Latest):
		return roost.Errorf(roost.Invalid, "No tag is called %q: that word means whatever commit is the newest.", name)
	case name != "" && strings.Trim(name, "0123456789") == "":
		return roost.Errorf(roost.Invalid, "A tag of digits only looks like a commit; put a letter in front, as in v%s.", short(name))
	}
	return checkWord("tag", name)
}

// checkWord takes 1 to 36 letters, digits and - _ . + with a letter or a digit first.
func checkWord(what, name string) error {
	switch {
	case name == "":
		return roost.Errorf(roost.Invalid, "Give the %s a name.", what)
	case len(name) > maxWord:
		return roost.Errorf(roost.Invalid, "The name of a %s has at most %d characters.", what, maxWord)
	case !isLetter(name[0]) && !isDigit(name[0]) || !only(name, "-_.+"):
		return roost.Errorf(roost.Invalid, "%q is no name for a %s: letters, digits and - _ . + make one, a letter or a digit first.", name, what)
	}
	return nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// only tells that s has nothing but letters, digits and the marks.
func only(s, marks string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return true
}

// short is s as it can stand in a sentence.
func short(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return string([]rune(s)[:maxName]) + "…"
}
