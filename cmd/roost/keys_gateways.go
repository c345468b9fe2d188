package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/roost-iot/roost/wire/pyaiot"
)

// farGateway is a row of the gateways as the API lists them.
type farGateway struct {
	ID, Name, Kind, By string
	Connected, KeyFile bool
	Things             int
	LastSeen           int64
}

type keysLs struct{ remote }

// Run prints a line a gateway.
func (l keysLs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/gateways")
	}
	gateways, err := c.gateways(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tHERE\tTHINGS\tSEEN\tBY\tID")
	for _, g := range gateways {
		here := "no"
		if g.Connected {
			here = g.Kind
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", g.Name, here, strconv.Itoa(g.Things), ago(g.LastSeen), g.By, g.ID)
	}
	return w.Flush()
}

func (c *client) gateways(ctx context.Context) ([]farGateway, error) {
	var answer struct{ Gateways []farGateway }
	err := c.call(ctx, "GET", "/gateways", nil, &answer)
	return answer.Gateways, err
}

type keysNew struct {
	remote
	Name    string `arg:"" help:"What the gateway is called here."`
	KeyFile string `help:"Write the key file here. Without it, it is printed." placeholder:"FILE" env:"-"`
}

// Run prints the key file alone, so that it can be piped, or writes it.
func (n keysNew) Run(ctx context.Context, con console) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(n.KeyFile); n.KeyFile != "" && err == nil {
		return fmt.Errorf("--key-file: there is a file %s already", n.KeyFile)
	}
	var made struct{ KeyFile, Command string }
	if err := c.call(ctx, "POST", "/gateways", map[string]any{"name": n.Name}, &made); err != nil {
		return err
	}
	if n.KeyFile == "" {
		_, err := fmt.Fprint(con.out, made.KeyFile)
		return err
	}
	keys, err := pyaiot.ParseKeys([]byte(made.KeyFile))
	if err == nil {
		err = keys.Save(n.KeyFile, false)
	}
	if err != nil {
		return fmt.Errorf("--key-file: %w; the key is made and lost: remove it with roost keys rm %q", err, n.Name)
	}
	before, _, _ := strings.Cut(made.Command, " --key-file ")
	_, err = fmt.Fprintf(con.out, "Wrote %s. Start the gateway there with it:\n  %s --key-file %s\n", n.KeyFile, before, n.KeyFile)
	return err
}

type keysRm struct {
	remote
	Name string `arg:"" help:"Name or id."`
}

// Run revokes the key of that id or name.
func (r keysRm) Run(ctx context.Context, _ console) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	gateways, err := c.gateways(ctx)
	if err != nil {
		return err
	}
	for _, g := range gateways {
		id, _, _ := strings.Cut(g.ID, "~") // names of keys are unique
		if !g.KeyFile && (id == r.Name || strings.EqualFold(g.Name, r.Name)) {
			return c.call(ctx, "DELETE", "/gateways/"+id, nil, nil)
		}
	}
	return fmt.Errorf("there is no key of a gateway %q; roost keys ls shows which there are", r.Name)
}
