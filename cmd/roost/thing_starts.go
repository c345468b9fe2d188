package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"
)

type thingStarts struct {
	remote
	ID string `arg:"" help:"The thing's id."`
}

// apiBoot is a start of a thing as far as it is printed.
type apiBoot struct {
	ResetCause, Why, Runtime, App string
	At, Before                    int64
}

// Run lists the last starts of a thing of Roost's own runtime, the latest first.
func (s thingStarts) Run(ctx context.Context, con console) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	path := thingPath(s.ID) + "/boots"
	if s.JSON {
		return printAnswer(ctx, c, con.out, path)
	}
	var answer struct{ Boots []apiBoot }
	if err := c.call(ctx, "GET", path, nil, &answer); err != nil {
		return err
	}
	if len(answer.Boots) == 0 {
		fmt.Fprintf(con.out, "None yet: each start of %s is noted here, with its cause.\n", s.ID)
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STARTED\tWHY\tHAD RUN\tRUNTIME\tAPP")
	for _, b := range answer.Boots {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", ago(b.At), b.cause(), b.ran(), versionWord(b.Runtime), versionWord(b.App))
	}
	return w.Flush()
}

// cause is why the thing started: "watchdog", "planned: update".
func (b apiBoot) cause() string {
	cause := cmp.Or(b.ResetCause, "unknown")
	if b.Why != "" {
		cause += ": " + b.Why
	}
	return onOneLine(cause)
}

// ran is how long the thing had run before, as far as it was heard.
func (b apiBoot) ran() string {
	if b.Before == 0 {
		return "not known"
	}
	return (time.Duration(b.Before) * time.Millisecond).Round(time.Second).String()
}

// versionWord is a version that a thing tells, or that there is none.
func versionWord(v string) string {
	if v == "" || v == "0" {
		return "none"
	}
	return onOneLine(v)
}
