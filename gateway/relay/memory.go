package relay

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/roost-iot/roost"
)

// memoryFile holds, in the spool's folder, which things were here: doors ask for it to
// know at once, after a restart, who speaks from where.
const memoryFile = "things"

// rememberEvery is the least time between two writings of it.
const rememberEvery = 10 * time.Second

// remembered is a thing in that file.
type remembered struct {
	Key      Key
	Own      string // as its door knows it
	Ref      roost.Ref
	Protocol roost.Protocol
	Address  string
}

// loadMemory learns which things were here. They are not here before they are heard.
func (c *Client) loadMemory() {
	raw, err := os.ReadFile(filepath.Join(c.cfg.Dir, memoryFile))
	var list []remembered
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			c.log.Warn("things of before the restart are not known; they are when they are heard again", "err", err)
		}
		return
	}
	for _, m := range list {
		if len(c.things) >= c.cfg.MaxThings || m.Key.Own == "" || c.things[m.Key] != nil || c.refs[m.Ref] != nil {
			continue
		}
		t := &thing{key: m.Key, own: m.Own, ref: m.Ref, protocol: m.Protocol, address: m.Address}
		c.things[t.key], c.refs[t.ref] = t, t
	}
}

// saveMemory writes the file if things have come or moved.
func (c *Client) saveMemory() {
	c.mu.Lock()
	if !c.moved {
		c.mu.Unlock()
		return
	}
	c.moved = false
	list := make([]remembered, 0, c.present)
	for _, t := range c.things {
		if t.here || time.Since(t.heard) < c.cfg.Presence { // doors that close let theirs go
			list = append(list, remembered{t.key, t.own, t.ref, t.protocol, t.address})
		}
	}
	c.mu.Unlock()
	raw, err := json.Marshal(list)
	path := filepath.Join(c.cfg.Dir, memoryFile)
	if err == nil {
		err = os.WriteFile(path+".new", raw, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		c.log.Warn("things of this gateway not noted for its next start", "err", err)
	}
}

// Each calls f for every thing that this gateway knows, here or not, until f returns
// false. Their values are at the hub.
func (c *Client) Each(project roost.ProjectID, f func(t roost.Thing, rs []roost.Resource) bool) {
	c.mu.Lock()
	list := make([]roost.Thing, 0, len(c.things))
	for _, t := range c.things {
		if t.ref.Project == project {
			list = append(list, t.thing())
		}
	}
	c.mu.Unlock()
	for _, t := range list {
		if !f(t, nil) {
			return
		}
	}
}

// Get gives one thing that this gateway knows.
func (c *Client) Get(ref roost.Ref) (roost.Thing, []roost.Resource, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.refs[ref]
	if t == nil {
		return roost.Thing{}, nil, false
	}
	return t.thing(), nil, true
}

// thing is t in the words of a registry.
func (t *thing) thing() roost.Thing {
	return roost.Thing{
		Ref: t.ref, Identity: roost.Identity{Door: t.key.Door, Own: t.own}, Protocol: t.protocol, Enrolment: roost.Enrolled,
		Address: t.address, LastHeard: t.heard, Online: t.here,
	}
}
