package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	Profile string         `help:"The runtime it runs on: full, or lean for boards with little memory." enum:"full,lean" default:"full" env:"-"`
	Chip    string         `help:"What it runs on: any, or esp8266, with the lean runtime in a ROM; then it is said what memory is left." enum:"any,esp8266" default:"any" env:"-"`
	ADC     map[string]int `name:"adc" help:"What an analogue input reads, 0 to 1023; else daylight." placeholder:"PIN=N" env:"-"`
	JSON    bool           `help:"Print what came of it as JSON." env:"-"`
}

// Run prints what the app logs, sends and reports.
func (t appTest) Run(ctx context.Context, con console) error {
	check, err := t.check(ctx)
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
		if check.ESP8266 {
			fmt.Fprintln(con.out, v.Room())
		}
	default:
		fmt.Fprintf(con.err, "Not healthy:\n%s\n", v.Fault)
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

func (t appTest) check(ctx context.Context) (desk.Check, error) {
	files, err := appFiles(ctx, t.Dir)
	if err != nil {
		return desk.Check{}, err
	}
	if t.Seconds <= 0 || t.Seconds > 24*3600 {
		return desk.Check{}, errors.New("--seconds: more than 0, and a day at most")
	}
	c := desk.Check{Files: files, Profile: t.Profile, ESP8266: t.Chip == "esp8266", For: time.Duration(t.Seconds * float64(time.Second)), Inputs: map[int]int{}}
	for pin, value := range t.ADC {
		var n int
		if _, err := fmt.Sscanf(pin, "%d", &n); err != nil || value < 0 || value > 1023 {
			return desk.Check{}, fmt.Errorf("--adc %s=%d: write PIN=N, N from 0 to 1023", pin, value)
		}
		c.Inputs[n] = value
	}
	return c, nil
}

// appFiles reads the files of an app: of a folder, as roost app push does, or of an app
// that Roost brings.
func appFiles(ctx context.Context, dir string) (map[string]string, error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		if files, err := apps.Files(dir); err == nil {
			return files, nil
		}
		return nil, fmt.Errorf("there is no folder %s, and Roost brings no app of that name; it brings %s", dir, strings.Join(apps.Names(), ", "))
	case !info.IsDir():
		return nil, fmt.Errorf("%s is no folder", dir)
	}
	return readFolder(ctx, dir)
}
