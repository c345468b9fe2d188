package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/roost-iot/roost/install"
)

// boardSettings are PythingsOS' local parameters as flags.
type boardSettings struct {
	App              string   `help:"App that the device shall run, by its name or id: writes aid." placeholder:"APP" env:"-" group:"settings"`
	AID              string   `name:"aid" help:"App id or account id." placeholder:"ID" env:"-" group:"settings"`
	TID              string   `name:"tid" help:"Thing id, instead of the one of the hardware." placeholder:"ID" env:"-" group:"settings"`
	Backend          string   `help:"Where the device finds Roost: HOST, HOST:PORT." placeholder:"HOST:PORT" env:"-" group:"settings"`
	Wifi             string   `help:"Name of the Wi-Fi network. Its password is asked for, or read from --wifi-password-file or the environment's ROOST_WIFI_PASSWORD." placeholder:"SSID" env:"-" group:"settings"`
	WifiPasswordFile string   `help:"File whose first line is the password of the Wi-Fi network." placeholder:"FILE" type:"existingfile" env:"-" group:"settings"`
	APN              string   `name:"apn" help:"Access point name, for devices with a modem." placeholder:"NAME" env:"-" group:"settings"`
	Pool             string   `help:"Pool of the app." placeholder:"NAME" env:"-" group:"settings"`
	LogLevel         string   `name:"loglevel" help:"10 (all) to 50 (only what is critical)." placeholder:"N" env:"-" group:"settings"`
	SetupTimeout     string   `help:"How many seconds Web Setup waits after a start; 0: no Web Setup." placeholder:"S" env:"-" group:"settings"`
	Unset            []string `help:"Take these settings away: aid, tid, backend, wifi, apn, pool, loglevel, setup_timeout." placeholder:"NAME" env:"-" group:"settings"`
}

// any tells whether one is given.
func (b boardSettings) any() bool {
	return len(b.Unset) > 0 || slices.ContainsFunc([]string{
		b.App, b.AID, b.TID, b.Backend, b.Wifi, b.APN, b.Pool, b.LogLevel, b.SetupTimeout,
	}, func(v string) bool { return v != "" })
}

// settings makes files of the flags, with what must be asked for.
func (b boardSettings) settings(ctx context.Context, con console, connect func() (*client, error)) (install.Settings, error) {
	s := install.Settings{}
	for name, value := range map[string]string{
		"aid": b.AID, "tid": b.TID, "backend": b.Backend, "wifi": b.Wifi, "apn": b.APN,
		"pool": b.Pool, "loglevel": b.LogLevel, "setup_timeout": b.SetupTimeout,
	} {
		if value != "" {
			s[name] = value
		}
	}
	if err := b.unset(s); err != nil {
		return nil, err
	}
	if b.App != "" {
		if b.AID != "" {
			return nil, fmt.Errorf("--app and --aid: one of them")
		}
		c, err := connect()
		if err != nil {
			return nil, err
		}
		a, err := c.app(ctx, b.App)
		if err != nil {
			return nil, err
		}
		s["aid"] = a.ID
	}
	if b.Wifi != "" {
		password, err := b.password(ctx, con)
		if err != nil {
			return nil, err
		}
		s["password"] = password
	}
	return s, s.Check()
}

func (b boardSettings) unset(s install.Settings) error {
	for _, name := range b.Unset {
		if name == "password" || !slices.Contains(install.SettingNames, name) {
			return fmt.Errorf("--unset: there is no setting %q", name)
		}
		if _, given := s[name]; given || name == "aid" && b.App != "" {
			return fmt.Errorf("--unset %s: it is set, too", name)
		}
		s[name] = ""
	}
	return nil
}

// password is never an argument, which everybody on this machine could read.
func (b boardSettings) password(ctx context.Context, con console) (string, error) {
	if b.WifiPasswordFile != "" {
		f, err := os.Open(b.WifiPasswordFile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		line, err := bufio.NewReader(f).ReadString('\n')
		if line == "" && err != nil {
			return "", fmt.Errorf("no password in %s: %w", b.WifiPasswordFile, err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	if password, set := os.LookupEnv("ROOST_WIFI_PASSWORD"); set {
		return password, nil
	}
	return askPassword(ctx, con, fmt.Sprintf("Password of the Wi-Fi network %s (empty: it has none): ", onOneLine(b.Wifi)))
}
