package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/roost-iot/roost/install"
)

// identify makes a thing for the board, unless it is one of this Roost already.
func (i installCmd) identify(ctx context.Context, con console, plan runtimePlan, now install.Present, r *install.Runtime) error {
	known := now.ID != "" && !i.New
	if plan.client == nil {
		if r.ID, r.Key = plan.id, plan.key; r.ID == "" && !known {
			return errors.New("--offline: give the board an id and a key with --id and --key; Roost makes them on its page Add a thing")
		}
		return i.toServer(ctx, con, plan.profile, r, nil, now, r.ID == "")
	}
	if known {
		err := i.greetKnown(ctx, plan, now.ID)
		if err == nil {
			fmt.Fprintf(con.err, "The board keeps its id %s, its key and its settings (--new makes it another thing)\n", now.ID)
			return i.toServer(ctx, con, plan.profile, r, nil, now, true)
		}
		if !errors.Is(err, errUnknownThing) {
			return err
		}
		fmt.Fprintf(con.err, "The board says that it is %s, which this Roost does not know: it becomes a new thing\n", now.ID)
	}
	var made struct {
		ID, Key, APPassword, Server string
		Servers                     []string
	}
	in := map[string]string{"name": i.Name, "app": plan.app, "pool": i.Pool}
	maps.DeleteFunc(in, func(_, v string) bool { return v == "" })
	if err := plan.client.call(ctx, "POST", "/boards", in, &made); err != nil {
		return fmt.Errorf("make a thing for the board: %w", err)
	}
	r.ID, r.Key, r.APPassword = made.ID, made.Key, made.APPassword
	if err := i.toServer(ctx, con, plan.profile, r, made.Servers, now, false); err != nil {
		_ = plan.client.call(ctx, "DELETE", thingPath(made.ID), nil, nil) // what counts is why
		return err
	}
	return nil
}

// errUnknownThing is a thing that this Roost has not, or no more.
var errUnknownThing = errors.New("no such thing here")

// greetKnown gives a thing that there is its name and its app, if they were asked for.
func (i installCmd) greetKnown(ctx context.Context, plan runtimePlan, id string) error {
	var t apiThing
	if err := plan.client.call(ctx, "GET", thingPath(id), nil, &t); err != nil {
		if strings.Contains(err.Error(), "There is no thing") {
			return errUnknownThing
		}
		return err
	}
	if i.Name != "" && i.Name != t.Name {
		if err := plan.client.call(ctx, "PATCH", thingPath(id), map[string]string{"name": i.Name}, nil); err != nil {
			return err
		}
	}
	if plan.app == "" {
		return nil
	}
	in := map[string]string{"app": plan.app, "pool": i.Pool}
	maps.DeleteFunc(in, func(_, v string) bool { return v == "" })
	return plan.client.call(ctx, "PUT", thingPath(id)+"/app", in, nil)
}

// toServer says where the board finds Roost: as it was told here, as it is reached from
// here, or as Roost itself knows. One that keeps its settings keeps that, too.
func (i installCmd) toServer(ctx context.Context, con console, profile string, r *install.Runtime, servers []string, now install.Present, keeps bool) error {
	at := i.Backend
	switch {
	case at != "":
	case keeps && now.Server != "":
		return nil
	case i.Server != "" && !isThisMachine(i.Server):
		at = i.Server
	case len(servers) > 0 && !isThisMachine(servers[0]):
		at = chosen(ctx, con, servers)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	default:
		return errors.New("boards cannot find Roost at localhost: say at which address of this machine, with --backend HOST:PORT")
	}
	at, err := withScheme(at)
	if err != nil {
		return err
	}
	if profile == "lean" && strings.HasPrefix(at, "https:") {
		return fmt.Errorf("the runtime's lean profile speaks no TLS, and Roost would be at %s for it; say where it is without, with --backend http://HOST:PORT (what is said there is sealed all the same)", at)
	}
	if r.Settings == nil {
		r.Settings = map[string]any{}
	}
	r.Settings["server"] = at
	return nil
}

// chosen asks which address boards reach, if there are several and somebody to ask.
func chosen(ctx context.Context, con console, servers []string) string {
	if len(servers) == 1 {
		return servers[0]
	}
	if !isTerminal(con.in) {
		fmt.Fprintf(con.err, "The board is told that Roost is at %s; if it is in another network, say so with --backend: %s\n", servers[0], strings.Join(servers[1:], ", "))
		return servers[0]
	}
	fmt.Fprintln(con.err, "This machine is in several networks. In which will the board find Roost?")
	for n, at := range servers {
		fmt.Fprintf(con.err, "  %d  %s\n", n+1, at)
	}
	fmt.Fprint(con.err, "Number (1): ")
	var n int
	line, _ := typed(ctx, func() (string, error) { return bufio.NewReader(con.in).ReadString('\n') }) // nothing is the first
	if _, err := fmt.Sscan(line, &n); err != nil || n < 1 || n > len(servers) {
		n = 1
	}
	return servers[n-1]
}

// withScheme makes an address of HOST:PORT.
func withScheme(at string) (string, error) {
	if !strings.Contains(at, "://") {
		at = "http://" + at
	}
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("--backend: %q is no address; write it as 192.0.2.1:8080 or https://roost.example.org", at)
	}
	return strings.TrimSuffix(at, "/"), nil
}

func isThisMachine(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1")
}
