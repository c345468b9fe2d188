package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

type appSign struct {
	remote
	App      string `arg:"" help:"Its name or id."`
	Commit   string `arg:"" help:"Which commit, by its id or a tag."`
	Key      string `help:"Private release key, as roost app key makes it." required:"" placeholder:"FILE" type:"existingfile" env:"-"`
	Down     bool   `help:"Let things that have a newer release go back to this one." env:"-"`
	Unproven bool   `help:"Sign compiled files, too, that this program cannot compile to compare them." env:"-"`
}

// Run signs a release after it has looked at it: what is signed here, things take.
func (s appSign) Run(ctx context.Context, con console) error {
	private, err := readKey(s.Key)
	if err != nil {
		return err
	}
	c, a, err := s.open(ctx, s.App, "")
	if err != nil {
		return err
	}
	if s.Commit, err = c.commit(ctx, a.ID, s.Commit); err != nil {
		return err
	}
	path := appPath(a.ID) + "/commits/" + url.PathEscape(s.Commit) + "/release"
	query := ""
	if s.Down {
		query = "?down=true"
	}
	var answer struct{ Text string }
	if err := c.call(ctx, "GET", path+query, nil, &answer); err != nil {
		return err
	}
	release, err := agent.ParseRelease(answer.Text)
	if err != nil {
		return err
	}
	files, _, err := c.files(ctx, a.ID, s.Commit)
	if err != nil {
		return err
	}
	if err := s.check(ctx, release, files); err != nil {
		return fmt.Errorf("not signed: %w", err)
	}
	if err := showRelease(con, a.Name, release, files); err != nil {
		return err
	}
	public := private.Public().(ed25519.PublicKey)
	in := map[string]any{"public": hex.EncodeToString(public), "signature": agent.Sign(private, answer.Text), "down": s.Down}
	if err := c.call(ctx, "PUT", path+"/signature", in, nil); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Signed with the key %s: things that have it take this release now\n", agent.OwnerName(public))
	return nil
}

// check holds a release against the files of its commit: all of them, no others, and
// what is compiled is made of them.
func (s appSign) check(ctx context.Context, r agent.Release, files map[string]string) error {
	var errs []error
	if r.Kind != agent.KindApp || r.Ver != s.Commit {
		errs = append(errs, fmt.Errorf("the release that the server gives is %s %s, not commit %s", r.Kind, r.Ver, s.Commit))
	}
	if r.Down != s.Down {
		errs = append(errs, errors.New("the release that the server gives lets things go back, or does not, other than asked for"))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if r.Files[name] != agent.FileOf([]byte(files[name])) {
			errs = append(errs, fmt.Errorf("%s is not in the release as it is in the commit", name))
		}
	}
	compiler, err := micropython.NewCompiler(ctx)
	if err == nil {
		defer compiler.Close()
	}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		if _, is := files[name]; is {
			continue
		}
		errs = append(errs, s.checkCompiled(ctx, compiler, name, r.Files[name], files))
	}
	return errors.Join(errs...)
}

// checkCompiled compiles a source again, which gives the same bytes.
func (s appSign) checkCompiled(ctx context.Context, compiler *micropython.Compiler, name string, f agent.File, files map[string]string) error {
	base, is := strings.CutSuffix(name, ".mpy")
	source, there := files[base+".py"]
	if !is || !there {
		return fmt.Errorf("%s is in the release, and the commit has nothing that it is made of", name)
	}
	if compiler == nil {
		if s.Unproven {
			return nil
		}
		return fmt.Errorf("%s is compiled, and this program was built without MicroPython's compiler, so that it cannot see whether it is made of %s.py; --unproven signs it all the same", name, base)
	}
	code, err := compiler.Compile(ctx, base+".py", []byte(source))
	if err != nil {
		return fmt.Errorf("compile %s.py: %w", base, err)
	}
	if agent.FileOf(code) != f {
		return fmt.Errorf("%s is not what %s.py gives when it is compiled here: is the server of another version?", name, base)
	}
	return nil
}

func showRelease(con console, app string, r agent.Release, files map[string]string) error {
	fmt.Fprintf(con.out, "%s, commit %s", app, r.Ver)
	if r.MinOS != "" {
		fmt.Fprintf(con.out, ", for the runtime %s or later", r.MinOS)
	}
	if r.Down {
		fmt.Fprint(con.out, ", also for things that have a newer one")
	}
	fmt.Fprintln(con.out, ":")
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		how := "as committed"
		if _, is := files[name]; !is {
			how = "compiled"
		}
		fmt.Fprintf(w, "  %s\t%d\t%s\t%s\n", onOneLine(name), r.Files[name].Size, r.Files[name].SHA256, how)
	}
	return w.Flush()
}
