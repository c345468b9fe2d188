package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/roost-iot/roost/install"
	"github.com/roost-iot/roost/micropython"
)

// runtimeFlags are about Roost's own runtime.
type runtimeFlags struct {
	Runtime  bool          `help:"Put Roost's own runtime onto the board and make it a thing of the running Roost." env:"-" group:"do"`
	Name     string        `help:"What the thing is called." env:"-" group:"runtime"`
	Profile  string        `help:"auto, full, or lean for boards with little memory." enum:"auto,lean,full" default:"auto" env:"-" group:"runtime"`
	OwnerKey string        `help:"Public release key (roost app key): from then on the board takes nothing that is not signed by it." placeholder:"PUBFILE" type:"existingfile" env:"-" group:"runtime"`
	New      bool          `help:"Forget id, settings, networks and app that the board has of the runtime." env:"-" group:"runtime"`
	Offline  bool          `help:"Without a running Roost: the runtime of this program, and --id and --key." env:"-" group:"runtime"`
	ID       string        `name:"id" help:"Of --offline: the id of the thing." env:"-" group:"runtime"`
	Key      string        `help:"Of --offline: file with its key, 64 hexadecimal digits, or with {\"id\",\"key\"}." placeholder:"FILE" type:"existingfile" env:"-" group:"runtime"`
	LookOn   time.Duration `help:"How long to show what the board says and to wait until it has come to Roost." default:"90s" env:"-" group:"runtime"`
}

// checkRuntime finds flags that do not go together with --runtime.
func (i installCmd) checkRuntime() error {
	var errs []error
	if i.Name != "" && !i.Runtime && !i.Configure {
		errs = append(errs, errors.New("--name: with --runtime or --configure"))
	}
	if !i.Runtime {
		if i.Offline || i.New || i.ID != "" || i.Key != "" || i.OwnerKey != "" || i.Profile != "auto" && i.Profile != "" {
			errs = append(errs, errors.New("--offline, --new, --id, --key, --owner-key and --profile belong to --runtime"))
		}
		return errors.Join(errs...)
	}
	if i.Files != "" || i.PythingsOS != "" {
		errs = append(errs, errors.New("--runtime, --files and --pythingsos: one at a time; an app's files come from Roost"))
	}
	if i.AID != "" || i.TID != "" || i.APN != "" || i.LogLevel != "" || i.SetupTimeout != "" || len(i.Unset) > 0 {
		errs = append(errs, errors.New("--aid, --tid, --apn, --loglevel, --setup-timeout and --unset are for PythingsOS; things of the runtime have their settings in Roost"))
	}
	if !i.Offline && (i.ID != "" || i.Key != "") {
		errs = append(errs, errors.New("--id and --key belong to --offline"))
	}
	if i.Offline && (i.App != "" || i.Pool != "" || i.Name != "") {
		errs = append(errs, errors.New("--offline: name, app and pool are given in Roost"))
	}
	if i.Offline && (i.ID == "") != (i.Key == "") {
		errs = append(errs, errors.New("--id and --key: both, or neither for a board that has them"))
	}
	if i.Pool != "" && i.App == "" {
		errs = append(errs, errors.New("--pool is one of an app: say which --app"))
	}
	return errors.Join(errs...)
}

// runtimePlan is what is known before the board is spoken to.
type runtimePlan struct {
	client  *client // nil: --offline
	app     string  // id
	owner   string
	network *install.Network
	id, key string // given by hand
	profile string // known once the board is
}

func (i installCmd) planRuntime(ctx context.Context, con console) (p runtimePlan, err error) {
	if p.owner, err = i.ownerKey(); err != nil {
		return p, err
	}
	if i.Offline {
		if p.id, p.key, err = i.keyFile(); err != nil {
			return p, err
		}
	} else {
		if p.client, err = i.client(); err != nil {
			return p, err
		}
		if i.App != "" {
			a, err := p.client.app(ctx, i.App)
			if err != nil {
				return p, err
			}
			p.app = a.ID
		}
	}
	if i.Wifi != "" {
		password, err := i.password(ctx, con)
		if err != nil {
			return p, err
		}
		p.network = &install.Network{SSID: i.Wifi, Password: password}
		return p, p.network.Check()
	}
	return p, nil
}

// ownerKey reads a public release key.
func (i installCmd) ownerKey() (string, error) {
	if i.OwnerKey == "" {
		return "", nil
	}
	raw, err := os.ReadFile(i.OwnerKey)
	if err != nil {
		return "", err
	}
	text := strings.ToLower(strings.TrimSpace(string(raw)))
	if b, err := hex.DecodeString(text); err != nil || len(b) != 32 {
		return "", fmt.Errorf("%s is no public release key, which has 64 hexadecimal digits; roost app key makes one (FILE.pub)", i.OwnerKey)
	}
	return text, nil
}

// keyFile reads a thing's key.
func (i installCmd) keyFile() (id, key string, err error) {
	if i.Key == "" {
		return "", "", nil
	}
	raw, err := os.ReadFile(i.Key)
	if err != nil {
		return "", "", err
	}
	var both struct{ ID, Key string }
	if json.Unmarshal(raw, &both) != nil {
		both.Key = strings.TrimSpace(string(raw))
	}
	if b, err := hex.DecodeString(both.Key); err != nil || len(b) != 32 {
		return "", "", fmt.Errorf("%s has no key, which is 64 hexadecimal digits", i.Key)
	}
	if both.ID != "" && both.ID != i.ID {
		return "", "", fmt.Errorf("the key in %s is that of %s, not of %s", i.Key, both.ID, i.ID)
	}
	return i.ID, strings.ToLower(both.Key), nil
}

// runtime puts the runtime onto the board behind the line.
func (i installCmd) runtime(ctx context.Context, con console, line install.Line, plan runtimePlan) error {
	board, err := install.OpenBoard(ctx, line)
	if err != nil {
		return err
	}
	describe(con, board.About())
	details, err := board.Details(ctx)
	if err != nil {
		return err
	}
	fit, err := install.FitFor(board.About(), details, i.Profile)
	if err != nil {
		return err
	}
	if fit.Warning != "" {
		fmt.Fprintln(con.err, fit.Warning)
	}
	now, err := board.Runtime(ctx)
	if err != nil {
		return err
	}
	made, err := i.runtimeFiles(ctx, plan.client, fit, details.MPY)
	if err == nil {
		err = details.RoomFor(made.image)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(con.err, "Roost:  runtime %s, profile %s, %s\n", made.version, fit.Profile, made.what())
	r := install.Runtime{Files: made.files, Image: made.image, Owner: plan.owner, Network: plan.network, Afresh: i.New}
	if i.Profile != "auto" {
		r.Profile = fit.Profile
	}
	if !board.About().Sturdy() && board.About().FileSystem == "" {
		fmt.Fprintln(con.err, "The board does not tell its file system; the runtime relies on littlefs, which MicroPython makes on ESP and RP2 boards.")
	}
	plan.profile = fit.Profile
	if err := i.identify(ctx, con, plan, now, &r); err != nil {
		return err
	}
	if r.Network == nil && len(now.Networks) == 0 || r.Network == nil && i.New {
		fmt.Fprintln(con.err, "No Wi-Fi was given (--wifi) and the board knows none: it will open its set-up network.")
	}
	kept, err := board.InstallRuntime(ctx, r, newBar(con).progress())
	if err != nil {
		return err
	}
	id := told(con, kept, made, r, now, details)
	if !i.Restart {
		return board.Leave(ctx)
	}
	return i.lookOn(ctx, con, board, details, plan.client, id)
}

// told says what is on the board now, and gives the id that it has.
func told(con console, kept []string, made ourRuntime, r install.Runtime, now install.Present, d install.Details) (id string) {
	for _, name := range kept {
		fmt.Fprintf(con.out, "What the board started with before is kept as %s\n", name)
	}
	fmt.Fprintf(con.out, "The runtime is on the board, read back and right: %s\n", made.what())
	id, password := now.ID, now.APPassword
	if r.ID != "" {
		id = r.ID
	}
	if r.APPassword != "" {
		password = r.APPassword
	}
	fmt.Fprintf(con.out, "Thing:  %s\nSet-up: network %s, password %s\n", id, d.AP(), password)
	return id
}

// ourRuntime is what goes onto a board, whichever it is.
type ourRuntime struct {
	version string
	files   install.Files
	image   []byte // nil: all are files
}

func (r ourRuntime) what() string {
	if r.image == nil {
		return fmt.Sprintf("%d files, %d kB", len(r.files), (r.files.Bytes()+1023)>>10)
	}
	return fmt.Sprintf("an image of %d kB to run from flash, %d files", (len(r.image)+1023)>>10, len(r.files))
}

// runtimeFiles come from the running Roost, or from this program.
func (i installCmd) runtimeFiles(ctx context.Context, c *client, fit install.Fit, mpy int) (ourRuntime, error) {
	if c == nil {
		return builtIn(ctx, fit, mpy)
	}
	type file struct {
		Path, SHA256 string
		Data         []byte
	}
	var answer struct {
		Version string
		Files   []file
		Image   *file
	}
	if err := c.call(ctx, "GET", fmt.Sprintf("/runtime/files?profile=%s&mpy=%d&rom=%v", fit.Profile, mpy, fit.Image), nil, &answer); err != nil {
		return ourRuntime{}, fmt.Errorf("fetch the runtime: %w", err)
	}
	r := ourRuntime{version: answer.Version, files: install.Files{}}
	for _, f := range answer.Files {
		if sumOf(f.Data) != f.SHA256 {
			return r, fmt.Errorf("fetch the runtime: %s came broken", f.Path)
		}
		r.files[f.Path] = f.Data
	}
	if r.files["boot.py"] == nil || r.files["main.py"] == nil {
		return r, errors.New("fetch the runtime: what came has no boot.py or no main.py")
	}
	if !fit.Image {
		return r, nil
	}
	if answer.Image == nil || len(answer.Image.Data) == 0 || sumOf(answer.Image.Data) != answer.Image.SHA256 {
		return r, errors.New("fetch the runtime: its image did not come, or broken; is that Roost as new as this program?")
	}
	r.image = answer.Image.Data
	return r, nil
}

// builtIn is the runtime that this program carries.
func builtIn(ctx context.Context, fit install.Fit, mpy int) (ourRuntime, error) {
	b := &boardRuntime{}
	if compiler, err := micropython.NewCompiler(ctx); err == nil {
		defer compiler.Close()
		b.compiler = compiler
	}
	files, err := b.Files(ctx, fit.Profile, mpy)
	r := ourRuntime{version: b.Version(), files: files}
	if err != nil || !fit.Image {
		return r, err
	}
	r.files = install.Files{"boot.py": files["boot.py"], "main.py": files["main.py"]}
	if r.image, err = b.ROM(ctx); err == nil && r.image == nil {
		err = errors.New("this program was built without MicroPython's compiler, so it has no image of the runtime: take it from a running Roost, without --offline")
	}
	return r, err
}
