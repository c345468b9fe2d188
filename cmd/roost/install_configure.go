package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/roost-iot/roost/install"
)

// configureRuntime changes what a board with Roost's own runtime has of its own, or
// shows it.
func (i installCmd) configureRuntime(ctx context.Context, con console, board *install.Board, settings install.Settings) error {
	details, err := board.Details(ctx)
	if err != nil {
		return err
	}
	now, err := board.Runtime(ctx)
	if err != nil {
		return err
	}
	if i.Name != "" {
		if err := i.rename(ctx, con, now.ID); err != nil {
			return err
		}
	}
	if len(settings) == 0 {
		return i.showRuntime(con, now, details)
	}
	for name := range settings {
		if !slices.Contains([]string{"wifi", "password", "backend"}, name) {
			return fmt.Errorf("this board has Roost's own runtime, whose %s is set in Roost; --wifi, --backend and --name are what it has of its own", name)
		}
	}
	r := install.Runtime{}
	if settings["wifi"] != "" {
		r.Network = &install.Network{SSID: settings["wifi"], Password: settings["password"]}
	}
	if i.Backend != "" {
		if err := i.toServer(ctx, con, "", &r, nil, install.Present{}, false); err != nil {
			return err
		}
	}
	if err := board.ConfigureRuntime(ctx, r); err != nil {
		return err
	}
	fmt.Fprintln(con.out, "Settings are on the board, read back and right")
	return nil
}

// rename gives the thing its name, which is kept in Roost.
func (i installCmd) rename(ctx context.Context, con console, id string) error {
	c, err := i.client()
	if err != nil {
		return err
	}
	err = i.greetKnown(ctx, runtimePlan{client: c}, id)
	if errors.Is(err, errUnknownThing) {
		return fmt.Errorf("the board says that it is %s, which this Roost does not know; put the runtime there anew with --runtime", id)
	}
	if err == nil {
		fmt.Fprintf(con.out, "%s is called %s\n", id, i.Name)
	}
	return err
}

func (i installCmd) showRuntime(con console, now install.Present, d install.Details) error {
	var networks []string
	for _, n := range now.Networks {
		networks = append(networks, n.SSID)
	}
	runs := "as it was installed"
	if now.Slot != "" {
		runs = "updated, in /" + now.Slot
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "thing\t%s\nserver\t%s\nwifi\t%s\nruntime\t%s\nset-up\tnetwork %s, password %s\n",
		onOneLine(now.ID), onOneLine(now.Server), onOneLine(strings.Join(networks, ", ")), runs, d.AP(), onOneLine(now.APPassword))
	return w.Flush()
}
