package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"
)

type tokenCmd struct {
	Ls  tokenLs  `cmd:"" help:"List tokens."`
	New tokenNew `cmd:"" help:"Make a token and print it, once."`
	Rm  tokenRm  `cmd:"" help:"Remove a token: it works no longer."`
}

type apiToken struct {
	ID, Name, Role, By, Token string
	Expires                   int64
	LastUsed                  int64 `json:"last_used"`
}

type tokenLs struct{ remote }

// Run prints a line a token.
func (l tokenLs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/tokens")
	}
	tokens, err := c.tokens(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tUSED\tEXPIRES\tID")
	for _, t := range tokens {
		expires := "never"
		if t.Expires > 0 {
			expires = time.UnixMilli(t.Expires).Format(time.DateOnly)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Role, ago(t.LastUsed), expires, t.ID)
	}
	return w.Flush()
}

func (c *client) tokens(ctx context.Context) ([]apiToken, error) {
	var answer struct{ Tokens []apiToken }
	err := c.call(ctx, "GET", "/tokens", nil, &answer)
	return answer.Tokens, err
}

type tokenNew struct {
	remote
	Name string `arg:"" help:"What it is for."`
	Role string `help:"owner, operator or viewer." default:"viewer" enum:"owner,operator,viewer" env:"-"`
	Days int    `help:"Days until it expires; 0: never." default:"0" env:"-"`
}

// Run prints the secret alone, so that it can be piped.
func (n tokenNew) Run(ctx context.Context, con console) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	in := map[string]any{"name": n.Name, "role": n.Role}
	if n.Days > 0 {
		in["expires_in_days"] = n.Days
	}
	var t apiToken
	if err := c.call(ctx, "POST", "/tokens", in, &t); err != nil {
		return err
	}
	fmt.Fprintln(con.out, t.Token)
	return nil
}

type tokenRm struct {
	remote
	Name string `arg:"" help:"Name or id."`
}

// Run removes the one token of that id or name.
func (r tokenRm) Run(ctx context.Context, con console) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	tokens, err := c.tokens(ctx)
	if err != nil {
		return err
	}
	id, found := "", 0
	for _, t := range tokens {
		if t.ID == r.Name {
			id, found = t.ID, 1
			break
		}
		if t.Name == r.Name {
			id = t.ID
			found++
		}
	}
	switch found {
	case 0:
		return fmt.Errorf("there is no token %q; roost token ls shows which there are", r.Name)
	case 1:
		return c.call(ctx, "DELETE", "/tokens/"+id, nil, nil)
	}
	return fmt.Errorf("%d tokens are called %q; give the id that roost token ls shows", found, r.Name)
}
