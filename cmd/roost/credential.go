package main

import (
	"context"
	"fmt"
	"text/tabwriter"
)

type credentialCmd struct {
	Ls  credentialLs  `cmd:"" help:"List things that have a password."`
	New credentialNew `cmd:"" help:"Give a thing a password and print it, once: it may not come without any more."`
	Rm  credentialRm  `cmd:"" help:"Free a thing of its password."`
}

type thingCredential struct {
	ID, Own, By string
	LastUsed    int64
}

type credentialLs struct{ remote }

// Run prints a line a thing.
func (l credentialLs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/credentials")
	}
	all, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "THING\tUSED\tBY\tID")
	for _, t := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Own, ago(t.LastUsed), t.By, t.ID)
	}
	return w.Flush()
}

func (c *client) credentials(ctx context.Context) ([]thingCredential, error) {
	var answer struct{ Credentials []thingCredential }
	err := c.call(ctx, "GET", "/credentials", nil, &answer)
	return answer.Credentials, err
}

type credentialNew struct {
	remote
	Own string `arg:"" help:"The id by which the thing calls itself; it is the user name, too."`
}

// Run prints the password alone, so that it can be piped.
func (n credentialNew) Run(ctx context.Context, con console) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	var made struct{ Password string }
	if err := c.call(ctx, "POST", "/credentials", map[string]any{"own": n.Own}, &made); err != nil {
		return err
	}
	_, err = fmt.Fprintln(con.out, made.Password)
	return err
}

type credentialRm struct {
	remote
	Own string `arg:"" help:"The thing's own id, or the credential's."`
}

// Run removes the credential of that thing.
func (r credentialRm) Run(ctx context.Context, _ console) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	all, err := c.credentials(ctx)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.Own == r.Own || t.ID == r.Own {
			return c.call(ctx, "DELETE", "/credentials/"+t.ID, nil, nil)
		}
	}
	return fmt.Errorf("%q has no password; roost credential ls shows which things have", r.Own)
}
