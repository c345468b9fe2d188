package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The kinds of options of Pyaiot's programs.
const (
	textOption = iota
	numberOption
	flagOption
)

// aiotOption is one option of Pyaiot's programs, docs/protocols/pyaiot.md. Its name
// has "-" where the configuration file has "_"; on the command line both will do.
type aiotOption struct {
	name     string
	kind     int
	fallback string
	env      []string // of the unit files and containers that run these programs
	help     string
}

var (
	brokerHost  = aiotOption{"broker-host", textOption, "localhost", []string{"BROKER_HOST"}, "where the broker is"}
	brokerPort  = aiotOption{"broker-port", textOption, "8000", []string{"BROKER_PORT"}, "its port"}
	everyOption = []aiotOption{
		{"config", textOption, "", nil, "configuration file: lines of name = value"},
		brokerHost, brokerPort,
		{"debug", flagOption, "", nil, "log more"},
		{"key-file", textOption, "~/.pyaiot/keys", nil, "key file shared with the broker"},
	}
	maxTime = aiotOption{"max-time", numberOption, "120", nil, "seconds of silence after which a node is gone"}

	// logOptions are those of the library that Pyaiot's programs are built on.
	logOptions = []aiotOption{
		{"logging", textOption, "info", nil, "debug, info, warning, error or none"},
		{"log-to-stderr", flagOption, "", nil, "it always goes there, unless to a file"},
		{"log-file-prefix", textOption, "", nil, "file to log to"},
		{"log-file-max-size", numberOption, "", nil, "taken and not used: the file is never turned"},
		{"log-file-num-backups", numberOption, "", nil, "likewise"},
		{"log-rotate-when", textOption, "", nil, "likewise"},
		{"log-rotate-interval", numberOption, "", nil, "likewise"},
		{"log-rotate-mode", textOption, "", nil, "likewise"},
		{"help", flagOption, "", nil, "show this"},
	}
)

// aiotValues are the options of one run, as text; those that were not given and have
// no fallback are missing.
type aiotValues map[string]string

// errHelp asks for the help and nothing else.
var errHelp = errors.New("help wanted")

// read gives every option its value: the command line wins over the environment,
// the environment over the file, the file over the fallback. An empty value of the
// environment is none.
func (t aiotTool) read(args []string) (aiotValues, error) {
	given, err := t.parse(args)
	if err != nil {
		return nil, err
	}
	if given.flag("help") {
		return nil, errHelp
	}
	filed := aiotValues{}
	if path := given["config"]; path != "" {
		if filed, err = t.readFile(path); err != nil {
			return nil, err
		}
	}
	v := aiotValues{}
	for _, o := range t.options {
		if value := cmp.Or(given[o.name], firstEnv(o.env...), filed[o.name], o.fallback); value != "" {
			v[o.name] = value
		}
		if value, empty := given[o.name]; empty && value == "" && o.name == brokerPort.name {
			v[o.name] = "" // the page of old took that for the port of the scheme
		}
	}
	return v, nil
}

// parse reads the command line as Pyaiot's programs do: --name=value, with one or
// two hyphens; what is no option ends it.
func (t aiotTool) parse(args []string) (aiotValues, error) {
	given := aiotValues{}
	var faults []error
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") || arg == "--" {
			break
		}
		name, value, has := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		o, known := t.option(name)
		switch {
		case !known:
			faults = append(faults, fmt.Errorf("--%s: there is no such option; see %s --help", name, t.name))
			continue
		case !has && o.kind == flagOption:
			value = "true"
		case !has:
			faults = append(faults, fmt.Errorf("--%s: it wants a value: --%s=…", o.name, o.name))
			continue
		}
		if err := o.check(value); err != nil {
			faults = append(faults, fmt.Errorf("--%s: %w", o.name, err))
		}
		given[o.name] = value
	}
	return given, errors.Join(faults...)
}

// option finds one by its name, with "-" or "_".
func (t aiotTool) option(name string) (aiotOption, bool) {
	name = strings.ReplaceAll(name, "_", "-")
	name = cmp.Or(t.renamed[name], name)
	i := slices.IndexFunc(t.options, func(o aiotOption) bool { return o.name == name })
	if i < 0 {
		return aiotOption{}, false
	}
	return t.options[i], true
}

func (o aiotOption) check(value string) error {
	if o.kind != numberOption || value == "" {
		return nil
	}
	if n, err := strconv.ParseInt(value, 10, 32); err != nil || n < 0 {
		return fmt.Errorf("%q is no number", value)
	}
	return nil
}

// readFile gives the options that a configuration file sets. Names that are of
// other programs are left alone.
func (t aiotTool) readFile(path string) (aiotValues, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	settings, err := readSettings(text)
	if err != nil {
		var faults []error
		for _, fault := range faultsOf(err) {
			faults = append(faults, fmt.Errorf("%s: %w", path, fault))
		}
		return nil, errors.Join(faults...)
	}
	filed := aiotValues{}
	var faults []error
	for name, s := range settings {
		o, known := t.option(name)
		if !known || s.value == nil {
			continue
		}
		value, err := o.fromFile(s.value)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: line %d: %s: %w", path, s.line, name, err))
		}
		filed[o.name] = value
	}
	slices.SortFunc(faults, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return filed, errors.Join(faults...)
}

// faultsOf takes errors.Join apart, without going into what is wrapped.
func faultsOf(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// fromFile takes a value of the file. A port may be a text or a number: versions of
// Pyaiot differ.
func (o aiotOption) fromFile(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, o.check(v)
	case bool:
		if o.kind == flagOption {
			return strconv.FormatBool(v), nil
		}
	case int64:
		return strconv.FormatInt(v, 10), o.check(strconv.FormatInt(v, 10))
	}
	return "", fmt.Errorf("%v does not fit", value)
}

// flag reads a boolean as Pyaiot's programs do: all but false, f, 0 and nothing is true.
func (v aiotValues) flag(name string) bool { return pyTrue(v[name]) }

func pyTrue(value string) bool {
	return !slices.Contains([]string{"", "false", "f", "0"}, strings.ToLower(value))
}

// firstEnv gives the first of the variables that is set and not empty.
func firstEnv(names ...string) string {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

// brokerOfEnv gives the address of the broker that unit files of Pyaiot's gateways
// name, "" if none does.
func brokerOfEnv() string {
	host, port := firstEnv("BROKER_HOST"), firstEnv("BROKER_PORT")
	if host == "" && port == "" {
		return ""
	}
	return "ws://" + net.JoinHostPort(cmp.Or(host, "localhost"), cmp.Or(port, "8000"))
}

// usage prints the help of one program.
func (t aiotTool) usage(w io.Writer) {
	fmt.Fprintf(w, "Usage: %s [OPTIONS]\n\n%s\n\nOptions:\n", t.name, t.summary)
	for _, o := range t.options {
		left := "--" + o.name
		if o.kind != flagOption {
			left += "=…"
		}
		if fmt.Fprintf(w, "  %-26s %s", left, o.help); o.fallback != "" {
			fmt.Fprintf(w, " (default %s)", o.fallback)
		}
		if len(o.env) > 0 {
			fmt.Fprintf(w, " [$%s]", strings.Join(o.env, ", $"))
		}
		fmt.Fprintln(w)
	}
}
