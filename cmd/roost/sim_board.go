package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/roost-iot/roost/sim"
)

// simBoard are the flags of simulated boards.
type simBoard struct {
	To         string        `help:"HOST:PORT of the server." default:"localhost:8080" env:"-"`
	AppType    string        `name:"app-type" help:"The kind of board: the name of a directory in boot/ of the server." required:"" placeholder:"KIND" env:"-"`
	Count      int           `help:"How many boards." default:"1" env:"-"`
	UID        string        `name:"uid" help:"What their MACs are made of, with a number; a MAC for one board." env:"-"`
	DeviceType string        `help:"What they say they are." default:"pico_w" env:"-"`
	Interval   time.Duration `help:"Between heartbeats; 0: as the server says." default:"0s" env:"-"`
	Seed       uint64        `help:"Of values." default:"1" env:"-"`
	LeaveAfter time.Duration `help:"Leave after this long; 0: stay." default:"0s" env:"-"`
	JoinSpread time.Duration `help:"Boot spread over this time." default:"0s" env:"-"`
}

// Run plays until it is stopped or all have left.
func (s simBoard) Run(ctx context.Context, con console) error {
	fleet := sim.Boards(sim.Config{
		To: s.To, Count: s.Count, UID: s.UID, Seed: s.Seed, LeaveAfter: s.LeaveAfter, JoinSpread: s.JoinSpread,
		Log: slog.New(slog.NewTextHandler(con.err, nil)),
	}, sim.BoardConfig{AppType: s.AppType, DeviceType: s.DeviceType, Interval: s.Interval, Web: s.Count <= 20})
	fmt.Fprintf(con.out, "Playing %d boards against %s. Ctrl-C ends it.\n", cmp.Or(s.Count, 1), s.To)
	err := fleet.Run(ctx)
	st := fleet.Stats()
	fmt.Fprintf(con.out, "booted %d times, sent %d heartbeats, took %d hotfixes; refused %d, lost %d\n", st.Joined, st.Sent, st.Sets, st.Refused, st.Lost)
	return err
}
