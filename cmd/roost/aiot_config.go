package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// setting is one "name = value" of a configuration file of Pyaiot's programs.
type setting struct {
	line  int
	value any // string, int64, float64, bool, or nil for None
}

// readSettings reads a configuration file of Pyaiot's programs. That is a Python
// file, of which only what such files hold is understood, "name = literal" and
// comments; nothing is executed. All faults are told, with their lines.
func readSettings(text []byte) (map[string]setting, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is no UTF-8 text")
	}
	all := map[string]setting{}
	var faults []error
	source := strings.TrimPrefix(string(text), "\ufeff")
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	for i, line := range strings.Split(source, "\n") {
		name, value, err := readSetting(line)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("line %d: %w", i+1, err))
		case name != "":
			all[name] = setting{line: i + 1, value: value}
		}
	}
	return all, errors.Join(faults...)
}

var errNotSetting = errors.New("only name = value is read here, with a text in quotes, a number, True, False or None")

// readSetting reads one line; name is "" when there is nothing on it.
func readSetting(line string) (name string, value any, err error) {
	rest := strings.TrimLeft(line, " \t\f")
	if rest == "" || rest[0] == '#' {
		return "", nil, nil
	}
	if len(rest) < len(line) {
		return "", nil, errors.New("it is indented")
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return !inName(c) })
	if end <= 0 || rest[0] >= '0' && rest[0] <= '9' {
		return "", nil, errNotSetting
	}
	name, rest = rest[:end], strings.TrimLeft(rest[end:], " \t")
	rest, is := strings.CutPrefix(rest, "=")
	if !is || strings.HasPrefix(rest, "=") {
		return "", nil, errNotSetting
	}
	value, rest, err = readLiteral(strings.TrimLeft(rest, " \t"))
	if err != nil {
		return "", nil, err
	}
	if rest = strings.TrimLeft(rest, " \t\f"); rest != "" && rest[0] != '#' {
		return "", nil, fmt.Errorf("%q stands behind the value", rest)
	}
	return name, value, nil
}

func inName(c rune) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// readLiteral reads a value and gives what stands behind it.
func readLiteral(s string) (value any, rest string, err error) {
	if raw, quoted := isQuoted(s); quoted {
		if raw {
			s = s[1:]
		}
		return readText(s, raw)
	}
	end := strings.IndexAny(s, " \t\f#")
	if end < 0 {
		end = len(s)
	}
	word, rest := s[:end], s[end:]
	switch word {
	case "True":
		return true, rest, nil
	case "False":
		return false, rest, nil
	case "None":
		return nil, rest, nil
	}
	value, err = readNumber(word)
	return value, rest, err
}

// isQuoted tells whether s begins with a text in quotes, raw: with an r before it.
func isQuoted(s string) (raw, quoted bool) {
	if s == "" {
		return false, false
	}
	raw = s[0] == 'r' || s[0] == 'R'
	if raw || s[0] == 'u' || s[0] == 'U' {
		return raw, len(s) > 1 && (s[1] == '\'' || s[1] == '"')
	}
	return false, s[0] == '\'' || s[0] == '"'
}

// readText reads a text in quotes of either kind; u before it means nothing.
func readText(s string, raw bool) (value any, rest string, err error) {
	if s[0] == 'u' || s[0] == 'U' {
		s = s[1:]
	}
	quote := s[:1]
	if strings.HasPrefix(s, quote+quote+quote) {
		return nil, "", errors.New("texts in three quotes are not read here; put it into one pair of quotes")
	}
	var b strings.Builder
	for s = s[1:]; s != ""; {
		switch {
		case s[:1] == quote:
			return b.String(), s[1:], nil
		case s[0] == '\\' && len(s) > 1 && raw:
			b.WriteString(s[:2])
			s = s[2:]
		case s[0] == '\\':
			if s, err = readEscape(&b, s); err != nil {
				return nil, "", err
			}
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return nil, "", errors.New("the text has no closing quote")
}

// plainEscapes are those of one letter.
var plainEscapes = map[byte]string{
	'\\': `\`, '\'': `'`, '"': `"`, 'n': "\n", 't': "\t", 'r': "\r", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v",
}

// readEscape reads what begins with a backslash. As in Python, one that means
// nothing stands for itself.
func readEscape(b *strings.Builder, s string) (rest string, err error) {
	if len(s) < 2 {
		return "", errors.New("the text has no closing quote")
	}
	if plain, ok := plainEscapes[s[1]]; ok {
		b.WriteString(plain)
		return s[2:], nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if digits == 0 {
		b.WriteByte('\\')
		return s[1:], nil
	}
	if len(s) < 2+digits {
		return "", fmt.Errorf(`\%c wants %d hexadecimal digits`, s[1], digits)
	}
	n, err := strconv.ParseUint(s[2:2+digits], 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return "", fmt.Errorf(`\%c wants %d hexadecimal digits of a character`, s[1], digits)
	}
	b.WriteRune(rune(n))
	return s[2+digits:], nil
}

// readNumber reads an integer or a number with a fraction.
func readNumber(word string) (any, error) {
	bare := strings.TrimLeft(word, "+-")
	if bare == "" || (bare[0] < '0' || bare[0] > '9') && bare[0] != '.' || len(word)-len(bare) > 1 {
		return nil, errNotSetting
	}
	if len(bare) > 1 && bare[0] == '0' && bare[1] >= '0' && bare[1] <= '9' {
		return nil, fmt.Errorf("%q begins with 0", word)
	}
	if n, err := strconv.ParseInt(word, 0, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil && !strings.ContainsAny(word, "xXpP") {
		return f, nil
	}
	return nil, errNotSetting
}
