package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// Agent gives how a thing of the runtime stands; false for others.
func (d *Door) Agent(ctx context.Context, ref roost.Ref) (st roost.AgentState, ok bool, err error) {
	t := d.known(ref)
	if t == nil {
		return st, false, nil
	}
	t.mu.Lock()
	st = roost.AgentState{Agent: t.facts, RSSI: t.rssi}
	if t.ip != "" {
		st.IP = t.ip
	}
	if t.memory > 0 {
		st.Memory = t.memory
	}
	t.mu.Unlock()
	st.Print = wire.Key(st.Key).Print()
	st.Key, st.Joins = [32]byte{}, keyless(joinsOf(st.Agent))
	if known, _, _ := d.cfg.Registry.Get(ref); known.Enrolment == roost.Enrolled {
		st.Joins = nil
	}
	if d.cfg.Runtime != nil {
		st.NewestOS = d.cfg.Runtime.Version()
	}
	if w, ok := d.cfg.Releases.Wanted(ref); ok {
		st.WantedOS = d.newest(w.Settings.OS)
		if !w.App.Hidden {
			st.WantedApp = w.Commit
		}
	}
	st.AppFiles, err = t.appFiles(ctx, st.Agent)
	return st, true, err
}

// appFiles holds what the thing says of its app's files against what runs there.
func (t *thing) appFiles(ctx context.Context, a roost.Agent) (all []roost.AgentFile, err error) {
	shall := map[string]wire.File{}
	if s, ok := t.d.cfg.Releases.Software(t.ref); ok && a.App.Version != "0" && a.App.Version != "" {
		w := releaseName{kind: wire.KindApp, project: t.ref.Project, app: s.App, ver: a.App.Version}
		text, ok, err := t.d.cfg.Store.AgentRelease(ctx, w.key())
		if err != nil {
			return nil, err
		}
		if ok {
			r, err := wire.ParseRelease(text)
			if err != nil {
				return nil, err
			}
			for _, name := range (&made{r: r}).use(a.MPY) {
				shall[name] = r.Files[name]
			}
		}
	}
	for name, f := range shall {
		all = append(all, roost.AgentFile{Name: name, Size: f.Size, SHA256: f.SHA256, There: a.Files[name]})
	}
	for name, there := range a.Files {
		if _, ok := shall[name]; !ok {
			all = append(all, roost.AgentFile{Name: name, There: there})
		}
	}
	slices.SortFunc(all, func(a, b roost.AgentFile) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}
