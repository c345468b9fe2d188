package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/release"
	wire "github.com/roost-iot/roost/wire/agent"
)

// maxMeta is the most bytes of what an app says of itself that are kept.
const maxMeta = 8 << 10

// register takes what a thing says after a boot; it is on disk when that is answered.
func (d *Door) register(ctx context.Context, c *call, s *session, plain []byte) ([]byte, error) {
	q, err := wire.ParseRegister(plain)
	if err != nil {
		return nil, err
	}
	t := s.thing
	t.turn.Lock()
	defer t.turn.Unlock()
	if !d.sessions.good(s) {
		return nil, errHello
	}
	booted := t.now().Boot != q.Boot
	ran := t.ran()
	if err := t.arrive(ctx, c, booted, wire.MaxWait*time.Second); err != nil {
		return nil, err
	}
	was := t.now()
	if booted {
		if err := t.rebooted(ctx, was, q); err != nil {
			return nil, err
		}
	}
	next := was
	keep(&next, q, c.now)
	began, err := t.starts(ctx, c, next, booted, ran)
	if err != nil {
		return nil, err
	}
	if err := t.change(ctx, func(a *roost.Agent) { keep(a, q, c.now) }); err != nil {
		return nil, err
	}
	if began {
		t.tellStart(q)
	}
	if err := t.crashed(ctx, q.Crash, c.now); err != nil {
		return nil, err
	}
	if err := t.judge(ctx, c.now); err != nil {
		return nil, err
	}
	known, _, _ := d.cfg.Registry.Get(t.ref)
	answer := wire.RegisterAnswer{Now: time.Now().UnixMilli(), Name: known.GivenName, Settings: t.settings()}
	return json.Marshal(answer)
}

// arrive tells that the thing is here; the caller holds t.turn. Errors: errUnknown, those of
// waits and of Core.Arrive.
func (t *thing) arrive(ctx context.Context, c *call, restarted bool, wait time.Duration) error {
	known, _, ok := t.d.cfg.Registry.Get(t.ref)
	if !ok {
		return errUnknown
	}
	if known.Enrolment != roost.Enrolled {
		return t.d.waits(ctx, c, known)
	}
	standing, err := t.d.cfg.Core.Arrive(ctx, gateway.Arrival{
		Project: t.ref.Project, Identity: known.Identity, ID: t.ref.Thing, Protocol: roost.Runtime, Address: c.remote,
		Restarted: restarted, Silence: t.silence(wait), Link: t,
	})
	if err != nil {
		return err
	}
	if standing.Ref != t.ref || standing.Enrolment != roost.Enrolled {
		return errUnknown // deleted between the two, and another by now
	}
	return nil
}

// keep puts into a what a thing says after a boot.
func keep(a *roost.Agent, q wire.Register, now time.Time) {
	if a.Boot != q.Boot {
		a.Boot, a.Booted = q.Boot, now
	}
	if q.MAC != "" {
		a.MAC = strings.ToLower(q.MAC)
	}
	a.Platform, a.Machine, a.Python, a.Profile, a.MPY, a.ROM, a.Max = q.Platform, q.Machine, q.Python, q.Profile, q.MPY, q.ROM, q.Max
	a.Reset, a.Why, a.IP, a.Memory, a.Flash, a.Owner = q.Reset, q.Why, q.IP, q.Mem, q.Flash, q.Owner
	a.Files, a.Meta, a.Joins = q.Files, "", nil
	a.SSID, a.NoSSIDs = "", nil
	if q.Net != nil {
		a.SSID, a.NoSSIDs = q.Net.SSID, q.Net.Failed
	}
	var b bytes.Buffer
	if q.Meta != "" && json.Compact(&b, []byte(q.Meta)) == nil && b.Len() <= maxMeta {
		a.Meta = roost.Value(b.String())
	}
	a.Settable = nil
	for _, r := range q.Resources {
		if r.Set {
			a.Settable = append(a.Settable, r.Name)
		}
	}
	a.OS, a.App = slots(q.Slots.OS, q.OS), slots(q.Slots.App, q.App)
}

// mostN bounds the numbers of envelopes that a thing says to have taken.
const mostN = 1 << 53

// slots is what a thing says of the slots of its runtime or app; version is what it says that
// runs.
func slots(s wire.Slot, version string) roost.Slots {
	out := roost.Slots{
		Slot: s.Run, Version: version, Previous: s.Prev, PreviousVersion: s.PVer, Bad: s.Bad, N: min(s.N, mostN), Factory: s.From == "factory",
	}
	if out.Version == "" {
		out.Version = "0"
	}
	if s.Try != nil {
		out.Trial = *s.Try + 1
	}
	return out
}

// rebooted ends what the thing was given in an earlier boot; the caller holds t.turn. Error:
// roost.Unavailable, and the thing shall say it again.
func (t *thing) rebooted(ctx context.Context, was roost.Agent, q wire.Register) error {
	t.endSets(roost.Errorf(roost.Unavailable, "The thing restarted before it answered."), false)
	for _, id := range q.Done {
		if err := t.answer(ctx, gateway.Answer{ID: id, State: roost.Done}); err != nil {
			return err
		}
	}
	cmd, ok := t.d.cfg.Commands.Fetched(t.ref)
	if !ok || cmd.ID != was.Given || was.GivenBoot == q.Boot {
		return nil
	}
	return t.otherBoot(ctx, cmd)
}

// otherBoot ends a command that was given in an earlier boot. Error: that of answer.
func (t *thing) otherBoot(ctx context.Context, cmd roost.Command) error {
	a := gateway.Answer{ID: cmd.ID, State: roost.Failed, Error: "The thing restarted before it answered."}
	if cmd.Kind == roost.Restart {
		a.State, a.Error = roost.Done, ""
	}
	return t.answer(ctx, a)
}

// answer tells how a command ended; that is on disk then. Error: roost.Unavailable, the cause
// of which the room logs; the command has ended all the same.
func (t *thing) answer(ctx context.Context, a gateway.Answer) error {
	a.Ref = t.ref
	return t.d.cfg.Core.Answer(ctx, a)
}

// starts keeps what comes of a boot, or of a version that runs since, before t knows of it:
// what a kill leaves undone is done when the thing says it again, and what was done becomes
// the same. next is what will be known of the thing; booted: the boot is new, and the one
// before it ran so long. It gives whether a run began. The caller holds t.turn.
func (t *thing) starts(ctx context.Context, c *call, next roost.Agent, booted bool, ran time.Duration) (began bool, err error) {
	if began, err = t.begin(ctx, c, next, booted); err != nil {
		return false, err
	}
	return began, t.saveBoot(ctx, next, booted, ran)
}

// begin begins a run if there is a reason to: a boot, or another version. It tells whether it
// did.
func (t *thing) begin(ctx context.Context, c *call, next roost.Agent, booted bool) (began bool, err error) {
	s, known := t.d.cfg.Releases.Software(t.ref)
	if known && !booted && s.OS == next.OS.Version && s.Version == next.App.Version {
		return false, nil
	}
	var wants roost.AppID
	if app, ok := t.d.cfg.Releases.BoardApp(t.ref.Project, next.Kind); ok && next.Kind != "" && !known {
		wants = app.ID
	}
	g := release.Registration{Platform: next.Platform, OS: next.OS.Version, Version: next.App.Version, Address: c.remote}
	if booted {
		g.RunID = t.runOf(next.Boot)
	}
	return true, t.d.bind(ctx, t.ref, g, wants, "")
}

// runOf names the run of a boot that t does not know yet: the same until it does.
func (t *thing) runOf(boot string) string {
	text := fmt.Sprintf("%s\x00%s\x00%d", t.ref, boot, t.now().Booted.UnixNano())
	d := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", d[:4], d[4:6], d[6:8], d[8:10], d[10:16])
}

// tellStart writes into the thing's log that it runs.
func (t *thing) tellStart(q wire.Register) {
	a := t.now()
	why := q.Reset
	if q.Why != "" {
		why += ", " + q.Why
	}
	if why != "" {
		why = " (" + why + ")"
	}
	t.d.write(t.ref, "info", fmt.Sprintf("registered: runtime %s, app %s%s", a.OS.Version, none(a.App.Version), why), "")
}

// none is a version for people.
func none(version string) string {
	if version == "" || version == "0" {
		return "none"
	}
	return version
}
