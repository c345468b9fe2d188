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
	{Key: "doors", Title: "Doors (an address, or off):"},
	{Key: "people", Title: "Who gets in:"},
	{Key: "keeping", Title: "What is kept:"},
	{Key: "running", Title: "Running:"},
}

// defaultFile is read when it stands in the working folder and no other is named.
const defaultFile = "roost.toml"

// fileResolver gives flags their values from roost.toml. The command line wins
// over the environment, the environment over the file, the file over the default.
type fileResolver struct {
	args   []string
	loaded bool
	path   string
	values map[string]any
}

// Validate finds keys that no flag of serve has.
func (f *fileResolver) Validate(app *kong.Application) error {
	if err := f.load(); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, cmd := range app.Children {
		if cmd.Name == "serve" {
			for _, flag := range cmd.Flags {
				known[flag.Name] = true
			}
		}
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(f.values)) {
		if !known[key] || key == "config" {
			errs = append(errs, fmt.Errorf("%s: unknown key %q (the keys are the flags of roost serve)", f.path, key))
		}
	}
	return errors.Join(errs...)
}

// Resolve gives the file's value of one flag, as text.
func (f *fileResolver) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if err := f.load(); err != nil {
		return nil, err
	}
	v, ok := f.values[flag.Name]
	if !ok || parent.Command == nil || (parent.Command.Name != "serve" && parent.Command.Name != "demo") {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	return plainText(v), nil
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
func (f *fileResolver) load() error {
	if f.loaded {
		return nil
	}
	f.loaded = true
	path, named := configPath(f.args)
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && !named:
		return nil
	case err != nil:
		return fmt.Errorf("--config: %w", err)
	}
	f.path = path
	if _, err := toml.Decode(string(raw), &f.values); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
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
