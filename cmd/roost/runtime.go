package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/micropython"
	wire "github.com/roost-iot/roost/wire/agent"
)

type runtimeCmd struct {
	List   runtimeList   `cmd:"" help:"List the versions of the runtime that things can be moved to."`
	Export runtimeExport `cmd:"" help:"Write a version as a file, roost-runtime-VERSION.zip, for another Roost."`
	Add    runtimeAdd    `cmd:"" help:"Put a version from such a file onto the shelf of the running Roost."`
	Remove runtimeRemove `cmd:"" help:"Take a version off the shelf."`
	Sign   runtimeSign   `cmd:"" help:"Sign a version, for things that take nothing else."`
}

// apiRuntime is what the API says of a version, as far as it is printed.
type apiRuntime struct {
	Version, Origin, By    string
	Own                    bool
	Added                  int64
	Owners                 []struct{ Owner string }
	Running, Pools, Things int
}

type runtimeList struct{ remote }

// Run prints a line a version, the newest first.
func (l runtimeList) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/runtimes")
	}
	var answer struct{ Runtimes []apiRuntime }
	if err := c.call(ctx, "GET", "/runtimes", nil, &answer); err != nil {
		return err
	}
	if len(answer.Runtimes) == 0 {
		fmt.Fprintln(con.out, "No runtimes.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tFROM\tSINCE\tTHINGS\tASKED FOR BY\tSIGNED BY")
	for _, r := range answer.Runtimes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", r.Version, r.from(), time.UnixMilli(r.Added).Format("2006-01-02"), r.Running, r.askers(), r.signers())
	}
	return w.Flush()
}

func (r apiRuntime) from() string {
	switch {
	case r.Own && r.Origin == "program":
		return "this Roost (latest)"
	case r.Own:
		return "a file, as latest"
	case r.Origin == "program":
		return "an earlier Roost"
	}
	return "a file, by " + onOneLine(r.By)
}

func (r apiRuntime) askers() string {
	var who []string
	if r.Pools > 0 {
		who = append(who, counted(r.Pools, "pool"))
	}
	if r.Things > 0 {
		who = append(who, counted(r.Things, "thing"))
	}
	if len(who) == 0 {
		return "-"
	}
	return strings.Join(who, ", ")
}

func (r apiRuntime) signers() string {
	var names []string
	for _, o := range r.Owners {
		names = append(names, o.Owner)
	}
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}

type runtimeExport struct {
	remote
	Version string `arg:"" optional:"" help:"A version of the running Roost. Without it, this program's own, for which no Roost need run."`
	Out     string `short:"o" help:"Where it is written; roost-runtime-VERSION.zip in this folder if left out." placeholder:"FILE" type:"path" env:"-"`
}

// Run writes the file; one that is there is not overwritten.
func (e runtimeExport) Run(ctx context.Context, con console) error {
	raw, b, err := e.bundle(ctx)
	if err != nil {
		return err
	}
	if e.Out == "" {
		e.Out = "roost-runtime-" + b.Version + ".zip"
	}
	if err := writeNew(e.Out, raw, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s: runtime %s, %d kB. Another Roost takes it by: roost runtime add %s\n", e.Out, b.Version, (len(raw)+1023)>>10, e.Out)
	return nil
}

func (e runtimeExport) bundle(ctx context.Context) ([]byte, wire.Bundle, error) {
	if e.Version != "" {
		c, err := e.client()
		if err != nil {
			return nil, wire.Bundle{}, err
		}
		return c.runtime(ctx, e.Version)
	}
	b, err := ownBundle(ctx)
	if err != nil {
		return nil, b, err
	}
	var out bytes.Buffer
	err = b.Write(&out)
	return out.Bytes(), b, err
}

// runtime downloads a version, and holds it against its hashes.
func (c *client) runtime(ctx context.Context, version string) ([]byte, wire.Bundle, error) {
	raw, err := c.download(ctx, runtimePath(version)+"/zip")
	if err != nil {
		return nil, wire.Bundle{}, err
	}
	b, err := wire.ReadBundle(bytes.NewReader(raw), int64(len(raw)))
	if err == nil && b.Version != version {
		err = fmt.Errorf("the server gave the runtime %s instead of %s", b.Version, version)
	}
	return raw, b, err
}

func runtimePath(version string) string { return "/runtimes/" + url.PathEscape(version) }

// ownBundle is the runtime of this program.
func ownBundle(ctx context.Context) (wire.Bundle, error) {
	r := &boardRuntime{}
	compiler, err := micropython.NewCompiler(ctx)
	if err == nil {
		defer compiler.Close()
		r.compiler = compiler
	}
	return agent.BundleOf(ctx, r, r.compiler != nil)
}

type runtimeAdd struct {
	remote
	File string `arg:"" help:"As roost runtime export writes it." type:"existingfile"`
}

// Run looks at the file before it is sent: what is wrong with it is said sooner.
func (a runtimeAdd) Run(ctx context.Context, con console) error {
	raw, _, err := readRuntime(a.File)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", c.URL+"/api/v2/runtimes", bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/zip")
	answer, err := c.fetch(req)
	if err != nil {
		return err
	}
	if a.JSON {
		fmt.Fprintln(con.out, strings.TrimSpace(string(answer)))
		return nil
	}
	var made apiRuntime
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "The runtime %s is on the shelf. Things of a pool go there by: roost app settings APP --pool POOL os=%s\n", made.Version, made.Version)
	return nil
}

// readRuntime reads the file of a runtime.
func readRuntime(name string) ([]byte, wire.Bundle, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, wire.Bundle{}, err
	}
	b, err := wire.ReadBundle(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, b, fmt.Errorf("%s: %s", name, explain(err))
	}
	return raw, b, nil
}

type runtimeRemove struct {
	remote
	Version string `arg:"" help:"Which one."`
}

// Run takes a version off the shelf.
func (r runtimeRemove) Run(ctx context.Context, con console) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if err := c.call(ctx, "DELETE", runtimePath(r.Version), nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "The runtime %s is off the shelf; things that run it keep it\n", r.Version)
	return nil
}
