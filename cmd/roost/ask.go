package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// askPassword asks at a terminal, without echo; elsewhere it reads a line of standard
// input and asks nothing.
func askPassword(con console, question string) (string, error) {
	if in, is := con.in.(*os.File); is && term.IsTerminal(int(in.Fd())) {
		fmt.Fprint(con.err, question)
		raw, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(con.err)
		return string(raw), err
	}
	line, err := bufio.NewReader(con.in).ReadString('\n')
	if line == "" && err != nil {
		return "", fmt.Errorf("no password on standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// counted is a number of something: "1 thing", "2 things".
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
