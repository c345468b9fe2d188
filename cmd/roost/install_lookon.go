package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost/install"
)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// setUpWord begins what the runtime says when it opens its set-up network.
const setUpWord = "Set-up ("

// lookOn starts the board and shows what it says until it has come to Roost, or says
// what it waits for.
func (i installCmd) lookOn(ctx context.Context, con console, board *install.Board, d install.Details, c *client, id string) error {
	looking, seen := context.WithTimeout(ctx, i.LookOn)
	defer seen()
	var polling sync.WaitGroup
	defer polling.Wait()
	came := make(chan struct{})
	if c != nil {
		var before apiThing
		if err := c.call(ctx, "GET", thingPath(id), nil, &before); err != nil {
			return err
		}
		polling.Go(func() {
			if c.awaitThing(looking, id, before.LastHeard) {
				close(came)
				seen()
			}
		})
	}
	fmt.Fprintln(con.err, "The board starts:")
	said := &strings.Builder{}
	tell := func(text []byte) {
		if said.Len() < 64<<10 {
			said.Write(text)
		}
		fmt.Fprint(con.out, inLines(string(text)))
		if _, after, is := strings.Cut(said.String(), setUpWord); is && strings.Contains(after, "\n") {
			seen() // a person has to act first
		}
	}
	var err error
	if d.Watched {
		err = board.Reset(looking, i.LookOn, tell)
	} else {
		err = board.Restart(looking, i.LookOn, i.LookOn, tell)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return i.outcome(con, c, id, said.String(), came, looking)
}

// outcome says how it stands once nobody looks on any more.
func (i installCmd) outcome(con console, c *client, id, said string, came <-chan struct{}, looking context.Context) error {
	if c == nil {
		fmt.Fprintln(con.out, "The board runs; whether it has come to its Roost is seen there.")
		return nil
	}
	if strings.Contains(said, setUpWord) {
		fmt.Fprintln(con.out, "\nThe board waits for its set-up: join its network with the password above and open the address that it shows.")
		return nil
	}
	select {
	case <-came:
	case <-looking.Done():
		select {
		case <-came:
		default:
			return fmt.Errorf("the board has not come to Roost after %s; what it says above tells why. Is the Wi-Fi's password right, and does the board reach the address of Roost from there?", i.LookOn)
		}
	}
	fmt.Fprintf(con.out, "\n%s is here: it has come to Roost\n", id)
	return nil
}

// awaitThing polls until a thing was heard after a time, Unix ms by Roost's clock.
func (c *client) awaitThing(ctx context.Context, id string, after int64) bool {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		var t apiThing
		if err := c.call(ctx, "GET", thingPath(id), nil, &t); err == nil && t.Online && t.LastHeard > after {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
