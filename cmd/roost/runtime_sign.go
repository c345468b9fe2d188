package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/roost-iot/roost/micropython"
	wire "github.com/roost-iot/roost/wire/agent"
	"github.com/roost-iot/roost/wire/romfs"
)

type runtimeSign struct {
	remote
	Version  string `arg:"" help:"A version of the running Roost, or the file of one, which then has the signatures, too."`
	Key      string `help:"Private release key, as roost app key makes it." required:"" placeholder:"FILE" type:"existingfile" env:"-"`
	Down     bool   `help:"Let things that have a newer runtime go back to this one, too." env:"-"`
	Unproven bool   `help:"Sign although this program cannot prove that what is compiled is made of the sources, or that they are its own." env:"-"`
}

// Run signs a runtime after it has looked at it: what is signed here, things take.
func (s runtimeSign) Run(ctx context.Context, con console) error {
	private, err := readKey(s.Key)
	if err != nil {
		return err
	}
	if strings.HasSuffix(s.Version, ".zip") {
		return s.signFile(ctx, con, private)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	_, b, err := c.runtime(ctx, s.Version)
	if err != nil {
		return err
	}
	if err := s.prove(ctx, con, b); err != nil {
		return err
	}
	public := private.Public().(ed25519.PublicKey)
	for _, down := range s.ways() {
		texts, err := c.runtimeTexts(ctx, b, down)
		if err != nil {
			return err
		}
		sigs := map[string]string{}
		for form, text := range texts {
			sigs[form] = wire.Sign(private, text)
		}
		in := map[string]any{"public": hex.EncodeToString(public), "signatures": sigs, "down": down}
		if err := c.call(ctx, "PUT", runtimePath(s.Version)+"/signatures", in, nil); err != nil {
			return err
		}
	}
	fmt.Fprintf(con.out, "Signed with the key %s: things that have it take this runtime now\n", wire.OwnerName(public))
	return nil
}

// ways are the texts that are signed: those for things with an older runtime, and with a newer.
func (s runtimeSign) ways() []bool {
	if s.Down {
		return []bool{false, true}
	}
	return []bool{false}
}

// runtimeTexts gives what is signed, and makes sure that it is of what was looked at.
func (c *client) runtimeTexts(ctx context.Context, b wire.Bundle, down bool) (map[string]string, error) {
	var answer struct{ Texts map[string]string }
	if err := c.call(ctx, "GET", fmt.Sprintf("%s/texts?down=%v", runtimePath(b.Version), down), nil, &answer); err != nil {
		return nil, err
	}
	seen := wire.Bundle{Version: b.Version, Texts: map[string]string{}, Files: b.Files}
	for form, text := range b.Texts {
		if !strings.HasSuffix(form, wire.DownSuffix) {
			seen.Texts[form] = text
		}
	}
	for form, text := range answer.Texts {
		base, isDown := strings.CutSuffix(form, wire.DownSuffix)
		if isDown != down || !down && seen.Texts[form] != text || seen.Texts[base] == "" {
			return nil, fmt.Errorf("not signed: the server gives another text of %s than the one in its file", form)
		}
		seen.Texts[form] = text
	}
	if err := seen.Check(); err != nil {
		return nil, fmt.Errorf("not signed: %w", err)
	}
	return answer.Texts, nil
}

// signFile signs a runtime in its file, for which no Roost need run.
func (s runtimeSign) signFile(ctx context.Context, con console, private ed25519.PrivateKey) error {
	_, b, err := readRuntime(s.Version)
	if err != nil {
		return err
	}
	if err := s.prove(ctx, con, b); err != nil {
		return err
	}
	public := hex.EncodeToString(private.Public().(ed25519.PublicKey))
	b.Signatures = slices.DeleteFunc(b.Signatures, func(g wire.BundleSignature) bool { return g.Public == public })
	for _, form := range wire.Forms {
		text, there := b.Texts[form]
		if !there {
			continue
		}
		b.Signatures = append(b.Signatures, wire.BundleSignature{Form: form, Public: public, Sig: wire.Sign(private, text)})
		if !s.Down {
			continue
		}
		down := form + wire.DownSuffix
		if b.Texts[down] == "" {
			r, err := wire.ParseRelease(text)
			if err != nil {
				return err
			}
			r.Down = true
			if b.Texts[down], err = wire.Text(r); err != nil {
				return err
			}
		}
		b.Signatures = append(b.Signatures, wire.BundleSignature{Form: down, Public: public, Sig: wire.Sign(private, b.Texts[down])})
	}
	if err := rewrite(s.Version, b); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Signed with the key %s, in %s\n", wire.OwnerName(private.Public().(ed25519.PublicKey)), s.Version)
	return nil
}

// rewrite replaces the file of a runtime.
func rewrite(name string, b wire.Bundle) error {
	if err := b.Check(); err != nil {
		return err
	}
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(b.Write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name+".new"))
	}
	return os.Rename(name+".new", name)
}

// prove holds a runtime against this program's own, or if it is of another version what is
// compiled against its sources.
func (s runtimeSign) prove(ctx context.Context, con console, b wire.Bundle) error {
	own, err := ownBundle(ctx)
	if err != nil {
		return err
	}
	how := "the same as this program's own"
	if b.Version == own.Version {
		err = sameAs(own, b)
	} else {
		how = "compiled again from its sources, with the same outcome; the sources themselves are not this program's"
		err = compiledAgain(ctx, b)
	}
	if err != nil {
		if !s.Unproven {
			return fmt.Errorf("not signed: %w; --unproven signs it all the same", err)
		}
		how = "not proven: " + err.Error()
	}
	fmt.Fprintf(con.out, "Runtime %s, %s:\n", b.Version, how)
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	for _, form := range slices.Sorted(maps.Keys(b.Texts)) {
		f := wire.FileOf([]byte(b.Texts[form]))
		r, err := wire.ParseRelease(b.Texts[form])
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", form, counted(len(r.Files), "file"), f.SHA256)
	}
	return w.Flush()
}

// sameAs tells which form of b is not as this program has it.
func sameAs(own, b wire.Bundle) error {
	var errs []error
	for _, form := range slices.Sorted(maps.Keys(b.Texts)) {
		switch text, there := own.Texts[form]; {
		case strings.HasSuffix(form, wire.DownSuffix): // it has the files of the other, which Check saw
		case !there:
			errs = append(errs, fmt.Errorf("this program cannot make %s to compare it", form))
		case text != b.Texts[form]:
			errs = append(errs, fmt.Errorf("%s is not as this program has it", form))
		}
	}
	return errors.Join(errs...)
}

// compiledAgain tells what is not made of the sources in b.
func compiledAgain(ctx context.Context, b wire.Bundle) error {
	compiler, err := micropython.NewCompiler(ctx)
	if err != nil {
		return errors.New("this program was built without MicroPython's compiler, and cannot see whether what is compiled is made of the sources")
	}
	defer compiler.Close()
	var errs []error
	for _, form := range []string{"full/6", "lean/6", wire.FormROM} {
		if b.Texts[form] != "" {
			errs = append(errs, formAgain(ctx, compiler, b, form))
		}
	}
	return errors.Join(errs...)
}

func formAgain(ctx context.Context, compiler *micropython.Compiler, b wire.Bundle, form string) error {
	profile, _, _ := strings.Cut(form, "/")
	if form == wire.FormROM {
		profile = "lean"
	}
	sources, err := wire.ParseRelease(b.Texts[profile+"/0"])
	if err != nil {
		return fmt.Errorf("the sources of %s are not in it", form)
	}
	made := map[string][]byte{}
	for name, f := range sources.Files {
		code, err := compiler.Compile(ctx, name, b.Files[f.SHA256])
		if err != nil {
			return fmt.Errorf("compile %s: %w", name, err)
		}
		made[strings.TrimSuffix(name, ".py")+".mpy"] = code
	}
	if form == wire.FormROM {
		image, err := romfs.Image(made)
		if err != nil {
			return err
		}
		made = map[string][]byte{wire.ROMFile: image}
	}
	r, err := wire.ParseRelease(b.Texts[form])
	if err != nil {
		return err
	}
	for name, f := range r.Files {
		if wire.FileOf(made[name]) != f {
			return fmt.Errorf("%s of %s is not what its source gives when it is compiled here: was it made by another version of the compiler?", name, form)
		}
	}
	if len(made) != len(r.Files) {
		return fmt.Errorf("%s has not all that its sources give", form)
	}
	return nil
}
