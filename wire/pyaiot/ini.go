package pyaiot

import (
	"errors"
	"fmt"
	"strings"
)

// ini is a file as Python's configparser reads it: "=" or ":" after an option's
// name, names in any case, comments on lines of their own, indented lines go on
// with the value above, "%" interpolates.
type ini map[string]map[string]string

// section gives the options of one section, those of [DEFAULT] behind them.
func section(text, name string) (map[string]string, error) {
	file, err := parseINI(text)
	if err != nil {
		return nil, err
	}
	if file[name] == nil {
		return nil, fmt.Errorf("no section [%s]", name)
	}
	raw := map[string]string{}
	for _, options := range []map[string]string{file["DEFAULT"], file[name]} {
		for option, value := range options {
			raw[option] = value
		}
	}
	out := make(map[string]string, len(raw))
	for option, value := range raw {
		if out[option], err = interpolate(raw, value, 0); err != nil {
			return nil, fmt.Errorf("option %s: %w", option, err)
		}
	}
	return out, nil
}

func parseINI(text string) (ini, error) {
	p := iniParser{file: ini{}}
	text = strings.TrimPrefix(text, "\ufeff")
	for n, line := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	for _, options := range p.file {
		for option, value := range options {
			options[option] = strings.TrimRight(value, "\n")
		}
	}
	return p.file, nil
}

type iniParser struct {
	file    ini
	options map[string]string // of the section at hand; nil: none yet
	option  string            // the option at hand; "": none
	indent  int               // of that option
}

func (p *iniParser) line(line string) error {
	text := strings.TrimSpace(line)
	indent := len(line) - len(strings.TrimLeft(line, " \t\f\v"))
	switch {
	case text == "":
		if p.option != "" {
			p.options[p.option] += "\n"
		}
		return nil
	case text[0] == '#' || text[0] == ';':
		return nil
	case p.option != "" && indent > p.indent:
		p.options[p.option] += "\n" + text
		return nil
	}
	p.indent = indent
	if end := strings.LastIndexByte(text, ']'); text[0] == '[' && end > 1 {
		return p.section(text[1:end])
	}
	return p.assign(text)
}

func (p *iniParser) section(name string) error {
	if p.file[name] != nil && name != "DEFAULT" {
		return fmt.Errorf("section [%s] stands twice", name)
	}
	if p.file[name] == nil {
		p.file[name] = map[string]string{}
	}
	p.options, p.option = p.file[name], ""
	return nil
}

func (p *iniParser) assign(text string) error {
	if p.options == nil {
		return errors.New("no section before the first option")
	}
	at := strings.IndexAny(text, "=:")
	if at <= 0 {
		return errors.New("neither a section nor an option")
	}
	name := strings.ToLower(strings.TrimSpace(text[:at]))
	if _, twice := p.options[name]; twice {
		return fmt.Errorf("option %s stands twice", name)
	}
	p.option = name
	p.options[name] = strings.TrimSpace(text[at+1:])
	return nil
}

// maxInterpolation is how many references may hang on each other.
const maxInterpolation = 10

// interpolate replaces "%%" by "%" and "%(name)s" by the option of that name.
func interpolate(options map[string]string, value string, depth int) (string, error) {
	if depth > maxInterpolation {
		return "", errors.New("too many references by %(name)s hang on each other")
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(value, "%")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		if strings.HasPrefix(rest, "%") {
			out.WriteByte('%')
			value = rest[1:]
			continue
		}
		name, behind, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")s")
		target, known := options[strings.ToLower(name)]
		if !ok || rest[0] != '(' || !known {
			return "", errors.New("a lone % must be written %%")
		}
		text, err := interpolate(options, target, depth+1)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		value = behind
	}
}
