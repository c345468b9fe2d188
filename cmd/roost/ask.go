package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// typed waits for read, which reads what a person types, or for the end of ctx: Ctrl-C
// ends a command that waits for an answer. Reading a terminal cannot be ended: the
// goroutine then lives until the next line, or as long as the program, which ends here.
func typed[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	came := make(chan answer, 1)
	go func() {
		value, err := read()
		came <- answer{value, err}
	}()
	select {
	case a := <-came:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// askPassword asks at a terminal, without echo; elsewhere it reads a line of standard
// input and asks nothing.
func askPassword(ctx context.Context, con console, question string) (string, error) {
	if in, is := con.in.(*os.File); is && term.IsTerminal(int(in.Fd())) {
		if before, err := term.GetState(int(in.Fd())); err == nil {
			defer func() { _ = term.Restore(int(in.Fd()), before) }() // the echo, if nobody answers
		}
		fmt.Fprint(con.err, question)
		raw, err := typed(ctx, func() ([]byte, error) { return term.ReadPassword(int(in.Fd())) })
		fmt.Fprintln(con.err)
		return string(raw), err
	}
	line, err := typed(ctx, func() (string, error) { return bufio.NewReader(con.in).ReadString('\n') })
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
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
