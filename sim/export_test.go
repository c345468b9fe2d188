package sim

import (
	"bufio"
	"strings"
)

// SendAsDevice is how a PythingsOS device writes a request.
var SendAsDevice = send

// AnswerAsDevice is what a PythingsOS device reads of an answer.
func AnswerAsDevice(raw string) (string, error) {
	a := &answer{r: bufio.NewReader(strings.NewReader(raw))}
	if err := a.head(); err != nil {
		return "", err
	}
	return a.text()
}

// UTF8AsDevice is a JSON text as MicroPython writes it.
var UTF8AsDevice = unescaped

// PortAsDevice is where a device calls whose backend names no port.
var PortAsDevice = usualPort

// NamesAsDevice are the files of a release's list.
var NamesAsDevice = names
