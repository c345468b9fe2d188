package desk

import (
	"regexp"
	"strings"
)

// printed takes the lines of the runtime's log out of a console: they come as such.
type printed struct {
	rest  string
	trace int // lines of a traceback: 1: one may begin, 2: it goes on
}

var logLine = regexp.MustCompile(`^\+?\d+ (info|warn|error) `)

// mostLine is how long a line may become before it is told in parts, in bytes.
const mostLine = 4096

func (p *printed) add(text string) (lines []string) {
	p.rest += text
	for {
		line, rest, whole := strings.Cut(p.rest, "\n")
		if !whole {
			if len(p.rest) > mostLine {
				lines, p.rest = append(lines, p.rest), ""
			}
			return lines
		}
		p.rest = rest
		if !p.own(line) {
			lines = append(lines, line)
		}
	}
}

// own tells that a line is the log's.
func (p *printed) own(line string) bool {
	switch {
	case logLine.MatchString(line):
		p.trace = 1
		return true
	case p.trace == 1 && strings.HasPrefix(line, "Traceback "):
		p.trace = 2
		return true
	case p.trace == 2:
		if !strings.HasPrefix(line, " ") {
			p.trace = 0
		}
		return true
	}
	p.trace = 0
	return false
}
