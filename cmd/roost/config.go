package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// groups order the flags in the help of serve.
var groups = []kong.Group{
	{Key: "line", Title: "The hub:"},
	{Key: "doors", Title: "Doors (an address, or off):"},
	{Key: "people", Title: "Who gets in:"},
	{Key: "keeping", Title: "What is kept:"},
	{Key: "running", Title: "Running:"},
	{Key: "do", Title: "What to do:"},
	{Key: "runtime", Title: "Roost's own runtime:"},
	{Key: "settings", Title: "Settings of the device (all of PythingsOS; app, backend, wifi and pool of the runtime, too):"},
	{Key: "pyaiot", Title: "By the names and with the options of Pyaiot's programs:"},
}

// defaultFile is read when it stands in the working folder and no other is named.
const defaultFile = "roost.toml"

// configFile gives the flags of serve their values from roost.toml. The command
// line wins over the environment, the environment over the file, the file over
// the default. What is wrong with it is kept until serve tells of all faults at once.
type configFile struct {
	args   []string
	loaded bool
	path   string
	values map[string]any
	fault  error
}

// Validate is asked by kong for every command; only serve reads the file.
func (f *configFile) Validate(*kong.Application) error { return nil }

// Resolve gives the file's value of one flag, as text.
func (f *configFile) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if parent.Command == nil || parent.Command.Name != "serve" {
		return nil, nil
	}
	f.load()
	v, ok := f.values[flag.Name]
	if _, table := v.(map[string]any); !ok || table {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	return plainText(v), nil
}

// faults are what is wrong with the file: that it cannot be read, or keys that
// none of the flags has.
func (f *configFile) faults(flags []*kong.Flag) error {
	f.load()
	errs := []error{f.fault}
	for _, key := range slices.Sorted(maps.Keys(f.values)) {
		known := slices.ContainsFunc(flags, func(flag *kong.Flag) bool { return flag.Name == key })
		if _, table := f.values[key].(map[string]any); known && table {
			errs = append(errs, fmt.Errorf("%s: [%s] is a table; write %s = \"…\", above all tables", f.path, key, key))
		}
		if !known || key == "config" {
			errs = append(errs, fmt.Errorf("%s: unknown key %q (the keys are the flags of roost serve)", f.path, key))
		}
	}
	return errors.Join(errs...)
}

// plainText writes a TOML value as a flag would be typed: lists with commas.
func plainText(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = plainText(p)
	}
	return strings.Join(parts, ",")
}

// load reads the file that --config or ROOST_CONFIG names, or roost.toml if there is one.
func (f *configFile) load() {
	if f.loaded {
		return
	}
	f.loaded = true
	path, named := configPath(f.args)
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && !named:
		return
	case err != nil:
		f.fault = fmt.Errorf("--config: %w", err)
		return
	}
	f.path = path
	if _, err := toml.Decode(string(raw), &f.values); err != nil {
		f.fault = fmt.Errorf("%s: %w", path, err)
	}
}

func configPath(args []string) (path string, named bool) {
	for i, a := range args {
		if p, ok := strings.CutPrefix(a, "--config="); ok {
			return p, true
		}
		if a == "--config" && i+1 < len(args) {
			return args[i+1], true
		}
	}
	if p := os.Getenv("ROOST_CONFIG"); p != "" {
		return p, true
	}
	return defaultFile, false
}

// The checks below return what is wrong with one flag, so that all faults are
// told at once.

func checkAddresses(flag, list string) error {
	if list == off {
		return nil
	}
	var errs []error
	for _, a := range strings.Split(list, ",") {
		_, port, err := net.SplitHostPort(strings.TrimSpace(a))
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %q is no address; write it as :8080 or 192.0.2.1:8080, or off", flag, a))
			continue
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			errs = append(errs, fmt.Errorf("--%s: %q is no port; it is a number from 0 to 65535", flag, port))
		}
	}
	return errors.Join(errs...)
}

// checkAddress is checkAddresses for a flag that takes one.
func checkAddress(flag, value string) error {
	if strings.Contains(value, ",") {
		return fmt.Errorf("--%s: %q are several addresses, and it takes one; :5683 is all of this machine's", flag, value)
	}
	return checkAddresses(flag, value)
}

func checkChoice(flag, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("--%s: %q is none of %s", flag, value, strings.Join(choices, ", "))
}

func checkDuration(flag, value string, least, most time.Duration) error {
	d, err := time.ParseDuration(value)
	if err != nil {
		return fmt.Errorf("--%s: %q is no duration; write it as 120s, 5m or 1h30m", flag, value)
	}
	if d < least || d > most {
		return fmt.Errorf("--%s: %s is not between %s and %s", flag, d, least, most)
	}
	return nil
}
