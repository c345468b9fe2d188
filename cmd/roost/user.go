package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
)

type userCmd struct {
	Ls  userLs  `cmd:"" help:"List people."`
	Add userAdd `cmd:"" help:"Add a person. The password is asked for, or read from standard input."`
	Rm  userRm  `cmd:"" help:"Remove a person."`
}

type apiUser struct {
	ID, Name, Role string
	AccountID      string `json:"accountId"`
	LastSeen       int64  `json:"last_seen"`
}

type userLs struct{ remote }

// Run prints a line a person.
func (l userLs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/users")
	}
	users, err := c.users(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSEEN\tID\tACCOUNT")
	for _, u := range users {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Name, u.Role, ago(u.LastSeen), u.ID, u.AccountID)
	}
	return w.Flush()
}

func (c *client) users(ctx context.Context) ([]apiUser, error) {
	var answer struct{ Users []apiUser }
	err := c.call(ctx, "GET", "/users", nil, &answer)
	return answer.Users, err
}

type userAdd struct {
	remote
	Name string `arg:"" help:"The name to sign in with."`
	Role string `help:"owner, operator or viewer." default:"viewer" enum:"owner,operator,viewer" env:"-"`
}

// Run asks for the password, or reads it from the first line of standard input.
func (a userAdd) Run(ctx context.Context, con console) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	password, err := askPassword(ctx, con, "Password: ")
	if err != nil {
		return err
	}
	err = c.call(ctx, "POST", "/users", map[string]string{"name": a.Name, "role": a.Role, "password": password}, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "added %s as %s\n", a.Name, a.Role)
	return nil
}

type userRm struct {
	remote
	Name string `arg:"" help:"Name or id."`
}

// Run removes one person.
func (r userRm) Run(ctx context.Context, con console) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	users, err := c.users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.ID == r.Name || strings.EqualFold(u.Name, r.Name) {
			if err := c.call(ctx, "DELETE", "/users/"+u.ID, nil, nil); err != nil {
				return err
			}
			fmt.Fprintln(con.out, "removed", u.Name)
			return nil
		}
	}
	return fmt.Errorf("there is nobody called %q; roost user ls shows who there is", r.Name)
}
