package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"github.com/roost-iot/roost/sim"
)

// simPythings are the flags of simulated PythingsOS devices. How often they call comes
// from the server.
type simPythings struct {
	To         string        `help:"HOST:PORT[/PREFIX] of the server, for TLS and plain HTTP." default:"localhost:8080" env:"-"`
	AID        string        `name:"aid" help:"Id of their app, or of the account that will choose one." required:"" placeholder:"ID" env:"-"`
	Count      int           `help:"How many devices." default:"1" env:"-"`
	TIDPrefix  string        `name:"tid-prefix" help:"What their thing ids begin with; a number follows." default:"sim-pythings-" env:"-"`
	Pool       string        `help:"Pool that they ask for." env:"-"`
	Platform   string        `help:"Python, MicroPython, RaspberryPi, esp8266, esp32, esp32_sim800 or esp8266_sim800." default:"Python" env:"-"`
	OS         string        `name:"version" help:"Release that they were installed with." default:"v1.1.0" env:"-"`
	Frozen     bool          `help:"The release is part of their firmware." env:"-"`
	TLS        string        `name:"tls" help:"auto: as their settings say, on at first; off: their build has none." default:"auto" enum:"auto,off" env:"-"`
	Encrypted  bool          `help:"Payload encryption from the first start on; needs --modulus." env:"-"`
	Modulus    string        `help:"Modulus of the server's key, in decimal, for payload encryption." placeholder:"DIGITS" env:"-"`
	Faults     string        `help:"cuts (connections break), power (it goes while files are written), or both with a comma." env:"-"`
	Seed       uint64        `help:"Of faults and values." default:"1" env:"-"`
	LeaveAfter time.Duration `help:"Leave after this long; 0: stay." default:"0s" env:"-"`
	JoinSpread time.Duration `help:"Start spread over this time." default:"0s" env:"-"`
	Verbose    bool          `short:"v" help:"Log every call that fails and every file." env:"-"`
}

// Run plays until it is stopped or all have left.
func (s simPythings) Run(ctx context.Context, con console) error {
	level := slog.LevelInfo
	if s.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: level}))
	device, err := s.device()
	if err != nil {
		return err
	}
	fleet := sim.Pythings(sim.Config{
		To: s.To, Count: s.Count, UID: s.TIDPrefix, Seed: s.Seed, LeaveAfter: s.LeaveAfter, JoinSpread: s.JoinSpread, Log: log,
	}, device, sim.MicroPython(s.Count, log))
	fmt.Fprintf(con.out, "Playing %s against %s. Ctrl-C ends it.\n", counted(cmp.Or(s.Count, 1), "PythingsOS device"), s.To)
	err = fleet.Run(ctx)
	st := fleet.Stats()
	fmt.Fprintf(con.out, "made %d calls, registered %d times, sent %d values, executed %d messages; %d calls failed\n", st.Asked, st.Joined, st.Sent, st.Sets, st.Lost)
	return err
}

// device is what they are all like.
func (s simPythings) device() (sim.PythingsConfig, error) {
	c := sim.PythingsConfig{
		AID: s.AID, Pool: s.Pool, Platform: s.Platform, Version: s.OS, Frozen: s.Frozen, NoTLS: s.TLS == "off", Encrypted: s.Encrypted,
	}
	var err error
	if c.Faults, err = sim.ParsePythingsFaults(s.Faults); err != nil {
		return c, fmt.Errorf("--faults: %w", err)
	}
	if s.Modulus != "" {
		n, ok := new(big.Int).SetString(s.Modulus, 10)
		if !ok || n.BitLen() < 512 {
			return c, errors.New("--modulus: not the decimal modulus of an RSA key")
		}
		c.Modulus = n
	} else if s.Encrypted {
		return c, errors.New("--encrypted: give the server's --modulus; what devices have built in only the makers of PythingsOS can read")
	}
	return c, nil
}
