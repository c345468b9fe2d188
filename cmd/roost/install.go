package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/roost-iot/roost/install"
)

type installCmd struct {
	Port    string `help:"Serial port of the board; auto: the only one that looks like a board." default:"auto" env:"-"`
	List    bool   `help:"List the serial ports and what hangs there." env:"-" group:"do"`
	Console bool   `help:"Talk to the board; Ctrl-] ends it." env:"-" group:"do"`

	Flash string `help:"Write this firmware, a whole one as MicroPython has it for a chip, onto the flash." placeholder:"FILE" type:"existingfile" env:"-" group:"do"`
	Chip  string `help:"Which chip it must be: auto, or esp8266, esp32, esp32s2, esp32s3, esp32c3." default:"auto" env:"-"`
	Erase bool   `help:"Before --flash: erase all of the flash, with the files on it." env:"-"`
	Baud  int    `help:"Bits per second of --flash; more is faster, if cable and chip bear it." default:"115200" env:"-"`

	UF2       string        `name:"uf2" help:"Copy this firmware onto a Pico that is plugged in while its button BOOTSEL is held." placeholder:"FILE" type:"existingfile" env:"-" group:"do"`
	Drive     string        `help:"Where the Pico is a drive; without it, it is looked for." placeholder:"DIR" type:"existingdir" env:"-"`
	AwaitPort time.Duration `help:"How long the Pico may take to come back as a serial port." default:"20s" hidden:"" env:"-"`

	Files      string `help:"Put the files of this folder onto the board." placeholder:"DIR" type:"existingdir" env:"-" group:"do"`
	PythingsOS string `name:"pythingsos" help:"Put this release of PythingsOS onto the board; it must be on the OS shelf of the running Roost." placeholder:"VERSION" env:"-" group:"do"`
	Platform   string `help:"Which build of PythingsOS; without it, what the board says it is." placeholder:"NAME" env:"-"`
	Configure  bool   `help:"Write the settings below; without any, show those that the board has." env:"-" group:"do"`
	Restart    bool   `help:"Start the board anew at the end and show what it says." default:"true" negatable:"" env:"-"`

	runtimeFlags
	boardSettings

	Server string `help:"Address of the running Roost, for --runtime, --app and --pythingsos. Without it, the one whose data folder is --data." placeholder:"URL" aliases:"url"`
	Token  string `help:"API token. Without it, the one in the data folder of this machine's Roost." placeholder:"rst_…"`
	Data   string `help:"Data folder of the Roost on this machine." default:"roost-data" type:"path"`
	JSON   bool   `help:"Print --list as JSON." env:"-"`
}

// Run does what was asked for in this order: firmware, files, settings, restart.
func (i installCmd) Run(ctx context.Context, con console) error {
	if err := i.check(); err != nil {
		return err
	}
	ports, err := install.Ports()
	if err != nil {
		return err
	}
	if i.List {
		return listPorts(con, ports, i.JSON)
	}
	if i.UF2 != "" {
		if i.Port, err = i.copyUF2(ctx, con, ports); err != nil || !i.puts() {
			return err
		}
	}
	job, err := i.prepare(ctx, con)
	if err != nil {
		return err
	}
	if ports, err = install.Ports(); err != nil {
		return err
	}
	port, err := install.Choose(i.Port, ports)
	if err != nil {
		return err
	}
	line, err := install.Open(port)
	if err != nil {
		return err
	}
	defer line.Close()
	fmt.Fprintln(con.err, "Port:  ", port.Name, port.Chip)
	if i.Console {
		return talk(ctx, con, line)
	}
	if i.Flash != "" {
		if err := i.flash(ctx, con, port, line); err != nil || !i.puts() {
			return err
		}
	}
	return job(line)
}

// prepare finds out all that is to be known before a board is spoken to, and gives what
// is then to be done with it.
func (i installCmd) prepare(ctx context.Context, con console) (func(install.Line) error, error) {
	if i.Runtime {
		plan, err := i.planRuntime(ctx, con)
		return func(line install.Line) error { return i.runtime(ctx, con, line, plan) }, err
	}
	settings, err := i.settings(ctx, con, i.client)
	return func(line install.Line) error { return i.onto(ctx, con, line, settings) }, err
}

// check finds flags that do not go together, all of them.
func (i installCmd) check() error {
	var errs []error
	does := i.Flash != "" || i.UF2 != "" || i.puts()
	switch {
	case i.List && (i.Console || does):
		errs = append(errs, errors.New("--list does nothing else"))
	case i.Console && does:
		errs = append(errs, errors.New("--console does nothing else"))
	case !i.List && !i.Console && !does:
		errs = append(errs, errors.New("say what to do: --list, --console, --flash, --uf2, --runtime, --files, --pythingsos or --configure"))
	}
	if i.Flash == "" && (i.Erase || i.Chip != "auto" || i.Baud != install.Usual) {
		errs = append(errs, errors.New("--erase, --chip and --baud belong to --flash"))
	}
	if i.Files != "" && i.PythingsOS != "" {
		errs = append(errs, errors.New("--files and --pythingsos: one at a time"))
	}
	if i.Platform != "" && i.PythingsOS == "" {
		errs = append(errs, errors.New("--platform: which --pythingsos?"))
	}
	if i.UF2 != "" && i.Flash != "" {
		errs = append(errs, errors.New("--uf2 is for a Pico, --flash for an ESP: one of them"))
	}
	if i.UF2 == "" && i.Drive != "" {
		errs = append(errs, errors.New("--drive belongs to --uf2"))
	}
	return errors.Join(append(errs, i.checkRuntime())...)
}

// puts tells whether there is something to do with MicroPython on the board.
func (i installCmd) puts() bool {
	return i.Runtime || i.Files != "" || i.PythingsOS != "" || i.configures()
}

// configures tells whether settings are to be written or shown.
func (i installCmd) configures() bool { return i.Configure || i.any() }

func (i installCmd) client() (*client, error) {
	return remote{Server: i.Server, Token: i.Token, Data: i.Data}.client()
}

func listPorts(con console, ports []install.Port, asJSON bool) error {
	if asJSON {
		return printJSON(con.out, map[string]any{"ports": ports})
	}
	if len(ports) == 0 {
		fmt.Fprintln(con.out, "No serial ports. Plug the board in with a cable that carries data, not only power.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PORT\tUSB\tSERIAL\tCHIP")
	for _, p := range ports {
		ids := p.Vendor + ":" + p.Product
		if p.Vendor == "" {
			ids = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, ids, onOneLine(p.Serial), p.Chip)
	}
	return w.Flush()
}

// onto talks to MicroPython on the board.
func (i installCmd) onto(ctx context.Context, con console, line install.Line, settings install.Settings) error {
	board, err := install.OpenBoard(ctx, line)
	if err != nil {
		return err
	}
	about := board.About()
	describe(con, about)
	if i.Files != "" || i.PythingsOS != "" {
		if err := i.putFiles(ctx, con, board); err != nil {
			return err
		}
	}
	switch ours, err := board.HasRuntime(ctx); {
	case err != nil:
		return err
	case ours && i.configures():
		if err := i.configureRuntime(ctx, con, board, settings); err != nil || len(settings) == 0 {
			return errors.Join(err, board.Leave(ctx))
		}
	case len(settings) > 0:
		if err := board.Configure(ctx, settings); err != nil {
			return err
		}
		fmt.Fprintln(con.out, "Settings are on the board, read back and right")
	case i.configures():
		return errors.Join(showSettings(ctx, con, board), board.Leave(ctx))
	}
	if !i.Restart {
		return board.Leave(ctx)
	}
	return restart(ctx, con, board)
}

func describe(con console, a install.About) {
	fmt.Fprintf(con.err, "Board:  %s %s on %s (%s)\n", onOneLine(a.Implementation), onOneLine(a.Version), onOneLine(a.Platform), onOneLine(a.Machine))
	system := a.FileSystem
	if system == "" {
		system = "of a type that the board does not tell"
	}
	fmt.Fprintf(con.err, "Files:  file system %s", onOneLine(system))
	if a.Size > 0 {
		fmt.Fprintf(con.err, ", %d of %d kB free", a.Space>>10, a.Size>>10)
	}
	fmt.Fprintln(con.err)
}

// restart shows what the board says when it starts, until it has been silent.
func restart(ctx context.Context, con console, board *install.Board) error {
	const quiet, most = 5 * time.Second, 30 * time.Second
	fmt.Fprintln(con.err, "The board starts:")
	return board.Restart(ctx, quiet, most, func(text []byte) { fmt.Fprint(con.out, inLines(string(text))) })
}

func showSettings(ctx context.Context, con console, board *install.Board) error {
	have, err := board.Settings(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	for _, name := range install.SettingNames {
		value, set := have[name]
		if !set {
			value = "-"
		}
		fmt.Fprintf(w, "%s\t%s\n", name, onOneLine(value))
	}
	return w.Flush()
}
