package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/apps"
	"github.com/roost-iot/roost/sim/desk"
)

// appTest are the flags of trying an app.
type appTest struct {
	Dir     string         `arg:"" help:"The folder of the app, or the name of one that Roost brings."`
	Seconds float64        `help:"How long it has to run without a fault; no longer than it takes to compute, as waiting is skipped." default:"10" env:"-"`
	Profile string         `help:"The runtime it runs on: full, or lean as on an ESP8266." enum:"full,lean" default:"full" env:"-"`
	ADC     map[string]int `name:"adc" help:"What an analogue input reads, 0 to 1023; else daylight." placeholder:"PIN=N" env:"-"`
	JSON    bool           `help:"Print what came of it as JSON." env:"-"`
}

// Run prints what the app logs, sends and reports.
func (t appTest) Run(ctx context.Context, con console) error {
	check, err := t.check()
	if err != nil {
		return refuseToTry(con, err)
	}
	if !t.JSON {
		check.Event = func(e desk.TrialEvent) {
			if e.Type != desk.TrialState {
				fmt.Fprintln(con.out, e)
			}
		}
	}
	v, err := desk.Try(ctx, check)
	if errors.Is(err, micropython.ErrUnavailable) {
		return refuseToTry(con, err)
	}
	if err != nil {
		return err
	}
	switch {
	case t.JSON:
		err = printJSON(con.out, v)
	case v.Healthy:
		fmt.Fprintf(con.out, "Healthy: it ran for %.0f s.\n", v.Seconds)
	default:
		fmt.Fprintln(con.err, v.Fault)
	}
	if err == nil && !v.Healthy {
		err = ended(1)
	}
	return err
}

// refuseToTry is what is wrong with how the command was called.
func refuseToTry(con console, err error) error {
	fmt.Fprintln(con.err, "roost:", err)
	return ended(2)
}

func (t appTest) check() (desk.Check, error) {
	files, err := appFiles(t.Dir)
	if err != nil {
		return desk.Check{}, err
	}
	if t.Seconds <= 0 || t.Seconds > 24*3600 {
		return desk.Check{}, errors.New("--seconds: more than 0, and a day at most")
	}
	c := desk.Check{Files: files, Profile: t.Profile, For: time.Duration(t.Seconds * float64(time.Second)), Inputs: map[int]int{}}
	for pin, value := range t.ADC {
		var n int
		if _, err := fmt.Sscanf(pin, "%d", &n); err != nil || value < 0 || value > 1023 {
			return desk.Check{}, fmt.Errorf("--adc %s=%d: write PIN=N, N from 0 to 1023", pin, value)
		}
		c.Inputs[n] = value
	}
	return c, nil
}

// maxAppFile bounds a file of an app, in bytes.
const maxAppFile = 256 << 10

// appFiles reads the files of an app: of a folder, with those of folders one deeper, or
// of an app that Roost brings. What begins with a dot stays out.
func appFiles(dir string) (map[string]string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		if files, err := apps.Files(dir); err == nil {
			return files, nil
		}
		return nil, fmt.Errorf("there is no folder %s, and Roost brings no app of that name; it brings %s", dir, strings.Join(apps.Names(), ", "))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	files := map[string]string{}
	for _, pattern := range []string{"*", "*/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", dir, err)
		}
		for _, path := range found {
			name, err := filepath.Rel(dir, path)
			if err != nil || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || strings.HasPrefix(name, "__pycache__") {
				continue
			}
			info, err := os.Stat(path)
			if err != nil || info.IsDir() {
				continue
			}
			if info.Size() > maxAppFile {
				return nil, fmt.Errorf("%s is larger than %d kB", path, maxAppFile>>10)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			files[filepath.ToSlash(name)] = string(text)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no files", dir)
	}
	return files, nil
}
