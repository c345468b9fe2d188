package release

import (
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// commit adds a commit to e; the caller holds r.mu or is alone.
func (e *entry) commit(c roost.Commit) {
	e.place[c.ID] = len(e.commits)
	e.commits = append(e.commits, c)
}

func (e *entry) newest() roost.Commit { return e.commits[len(e.commits)-1] }

// has tells that cid is a commit of e.
func (e *entry) has(cid string) bool {
	_, ok := e.place[cid]
	return ok
}

// tag sets a tag of e, in place of the one of its name; the caller holds r.mu or is alone.
func (e *entry) tag(t roost.Tag) {
	e.untag(t.Name)
	e.tags = append(e.tags, t)
	e.follow()
}

// untag removes a tag of e. It makes a new list: others may hold the old one.
func (e *entry) untag(name string) {
	var kept []roost.Tag
	for _, t := range e.tags {
		if t.Name != name {
			kept = append(kept, t)
		}
	}
	e.tags = kept
	e.follow()
}

// follow finds the newest commit that has a tag.
func (e *entry) follow() {
	e.tagged = ""
	newest := -1
	for _, t := range e.tags {
		if i, ok := e.place[t.Commit]; ok && i > newest {
			newest, e.tagged = i, t.Commit
		}
	}
}

func (e *entry) tagNamed(name string) (roost.Tag, bool) {
	for i := range e.tags {
		if e.tags[i].Name == name {
			return e.tags[i], true
		}
	}
	return roost.Tag{}, false
}

// resolve gives the commit that chosen (roost.Latest, a tag or a commit) means to things
// of p; the caller holds r.mu. It does not allocate.
func (e *entry) resolve(p *roost.Pool, chosen string) string {
	switch {
	case chosen == roost.Latest && p.Kind == roost.Development:
		return e.newest().ID
	case chosen == roost.Latest && e.tagged != "":
		return e.tagged
	case chosen == roost.Latest:
		return e.base(p)
	}
	if e.has(chosen) {
		return chosen
	}
	if t, ok := e.tagNamed(chosen); ok {
		return t.Commit
	}
	return e.base(p)
}

// base is what latest means to p while no commit is tagged.
func (e *entry) base(p *roost.Pool) string {
	if e.has(p.Base) {
		return p.Base
	}
	return e.commits[0].ID
}

// checkChosen tells whether things of e can be told to run it.
func (e *entry) checkChosen(chosen string) error {
	if _, ok := e.tagNamed(chosen); ok || chosen == roost.Latest || e.has(chosen) {
		return nil
	}
	return roost.Errorf(roost.Invalid, "%q is no commit of %s and no tag; choose one of its list, or %q.", short(chosen), e.app.Name, roost.Latest)
}

func (e *entry) poolNamed(name string) *pool {
	i := slices.IndexFunc(e.pools, func(p *pool) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return e.pools[i]
}

// poolFor gives the pool of that name, or else the one where new things go.
func (e *entry) poolFor(name string) *pool {
	if p := e.poolNamed(name); p != nil {
		return p
	}
	return e.poolNamed(e.app.DefaultPool)
}

// sharesName tells that a pool of e other than but has that name, whatever the case.
func (e *entry) sharesName(name string, but *pool) bool {
	return slices.ContainsFunc(e.pools, func(p *pool) bool { return p != but && strings.EqualFold(p.Name, name) })
}

func noPool(name string) error {
	return roost.Errorf(roost.NotFound, "The app has no pool %q.", short(name))
}
