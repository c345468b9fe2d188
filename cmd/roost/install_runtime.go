package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
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
		password, err := i.password(con)
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
	profile, err := install.ProfileFor(board.About(), details, i.Profile)
	if err != nil {
		return err
	}
	now, err := board.Runtime(ctx)
	if err != nil {
		return err
	}
	version, files, err := i.runtimeFiles(ctx, plan.client, profile, details.MPY)
	if err != nil {
		return err
	}
	fmt.Fprintf(con.err, "Roost:  runtime %s, profile %s, %d files, %d kB\n", version, profile, len(files), (files.Bytes()+1023)>>10)
	r := install.Runtime{Files: files, Owner: plan.owner, Network: plan.network, Afresh: i.New}
	if i.Profile != "auto" {
		r.Profile = profile
	}
	if !board.About().Sturdy() && board.About().FileSystem == "" {
		fmt.Fprintln(con.err, "The board does not tell its file system; the runtime relies on littlefs, which MicroPython makes on ESP and RP2 boards.")
	}
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
	for _, name := range kept {
		fmt.Fprintf(con.out, "What the board started with before is kept as %s\n", name)
	}
	fmt.Fprintf(con.out, "The runtime is on the board, read back and right: %d files\n", len(files))
	id, password := now.ID, now.APPassword
	if r.ID != "" {
		id = r.ID
	}
	if r.APPassword != "" {
		password = r.APPassword
	}
	fmt.Fprintf(con.out, "Thing:  %s\nSet-up: network %s, password %s\n", id, details.AP(), password)
	if !i.Restart {
		return board.Leave(ctx)
	}
	return i.lookOn(ctx, con, board, details, plan.client, id)
}

// runtimeFiles come from the running Roost, or from this program.
func (i installCmd) runtimeFiles(ctx context.Context, c *client, profile string, mpy int) (version string, files install.Files, err error) {
	if c == nil {
		r := &boardRuntime{}
		if compiler, err := micropython.NewCompiler(ctx); err == nil {
			defer compiler.Close()
			r.compiler = compiler
		}
		all, err := r.Files(ctx, profile, mpy)
		return r.Version(), all, err
	}
	var answer struct {
		Version string
		Files   []struct {
			Path, SHA256 string
			Data         []byte
		}
	}
	if err := c.call(ctx, "GET", fmt.Sprintf("/runtime/files?profile=%s&mpy=%d", profile, mpy), nil, &answer); err != nil {
		return "", nil, fmt.Errorf("fetch the runtime: %w", err)
	}
	files = install.Files{}
	for _, f := range answer.Files {
		if sumOf(f.Data) != f.SHA256 {
			return "", nil, fmt.Errorf("fetch the runtime: %s came broken", f.Path)
		}
		files[f.Path] = f.Data
	}
	if files["boot.py"] == nil || files["main.py"] == nil {
		return "", nil, errors.New("fetch the runtime: what came has no boot.py or no main.py")
	}
	return answer.Version, files, nil
}

// identify makes a thing for the board, unless it is one of this Roost already.
func (i installCmd) identify(ctx context.Context, con console, plan runtimePlan, now install.Present, r *install.Runtime) error {
	known := now.ID != "" && !i.New
	if plan.client == nil {
		if r.ID, r.Key = plan.id, plan.key; r.ID == "" && !known {
			return errors.New("--offline: give the board an id and a key with --id and --key; Roost makes them on its page Add a thing")
		}
		return i.toServer(r, nil, now, r.ID == "")
	}
	if known {
		err := i.greetKnown(ctx, plan, now.ID)
		if err == nil {
			fmt.Fprintf(con.err, "The board keeps its id %s, its key and its settings (--new makes it another thing)\n", now.ID)
			return i.toServer(r, nil, now, true)
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
	if err := i.toServer(r, made.Servers, now, false); err != nil {
		_ = plan.client.call(ctx, "DELETE", thingPath(made.ID), nil, nil) // what counts is why
		return err
	}
	if len(made.Servers) > 1 && i.Backend == "" && isThisMachine(plan.client.URL) {
		fmt.Fprintf(con.err, "The board is told that Roost is at %s; if it is in another network, say so with --backend: %s\n", made.Servers[0], strings.Join(made.Servers[1:], ", "))
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
func (i installCmd) toServer(r *install.Runtime, servers []string, now install.Present, keeps bool) error {
	at := i.Backend
	switch {
	case at != "":
	case keeps && now.Server != "":
		return nil
	case i.Server != "" && !isThisMachine(i.Server):
		at = i.Server
	case len(servers) > 0 && !isThisMachine(servers[0]):
		at = servers[0]
	default:
		return errors.New("boards cannot find Roost at localhost: say at which address of this machine, with --backend HOST:PORT")
	}
	at, err := withScheme(at)
	if err != nil {
		return err
	}
	if r.Settings == nil {
		r.Settings = map[string]any{}
	}
	r.Settings["server"] = at
	return nil
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
