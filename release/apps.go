package release

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// Apps gives the apps of a project, oldest first, without the hidden one.
func (r *Releases) Apps(p roost.ProjectID) []roost.App {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []roost.App
	for _, e := range r.order {
		if e.app.Project == p && !e.app.Hidden {
			all = append(all, e.app)
		}
	}
	return all
}

// App gives one; roost.NotFound.
func (r *Releases) App(p roost.ProjectID, id roost.AppID) (roost.App, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.apps[appKey{p, id}]; e != nil {
		return e.app, nil
	}
	return roost.App{}, noApp(id)
}

// AppByNumber gives the app of a number, of whatever project.
func (r *Releases) AppByNumber(n int64) (roost.App, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i, ok := slices.BinarySearchFunc(r.order, n, func(e *entry, n int64) int { return cmp.Compare(e.app.Number, n) })
	if !ok {
		return roost.App{}, false
	}
	return r.order[i].app, true
}

// Brought gives the app whose id a thing brought, of whatever project, never the hidden one.
func (r *Releases) Brought(aid string) (roost.App, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.brought[roost.AppID(aid)]
	if e == nil {
		e = r.brought[roost.AppID(strings.ToLower(aid))]
	}
	if e == nil {
		return roost.App{}, false
	}
	return e.app, true
}

// BoardApp gives the app for a kind of board.
func (r *Releases) BoardApp(p roost.ProjectID, board string) (roost.App, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.order {
		if board != "" && e.app.Project == p && e.app.Board == board {
			return e.app, true
		}
	}
	return roost.App{}, false
}

// CreateApp makes an app with the files given, or else two of our own, committed, and the
// pools production, staging and development, the last for new things. Errors: roost.Invalid,
// *CheckError, roost.Conflict for a name, or a kind of board, that another app of the
// project has, roost.Unavailable.
func (r *Releases) CreateApp(ctx context.Context, p roost.ProjectID, n NewApp) (roost.App, error) {
	n.Management = cmp.Or(n.Management, firstManagementInterval)
	n.Worker = cmp.Or(n.Worker, firstWorkerInterval)
	n.OS = cmp.Or(n.OS, roost.Factory)
	if err := CheckAppName(n.Name); err != nil {
		return roost.App{}, err
	}
	if n.Board != "" {
		if err := CheckBoard(n.Board); err != nil {
			return roost.App{}, err
		}
	}
	if len(n.Files) > 0 {
		if err := r.passes(ctx, checks{board: n.Board != ""}, n.Files); err != nil {
			return roost.App{}, err
		}
	}
	r.asked.RLock()
	defer r.asked.RUnlock()
	settings := n.firstSettings("")
	if err := r.checkSettings(&settings); err != nil {
		return roost.App{}, err
	}
	n.OS = settings.OS
	r.making.Lock()
	defer r.making.Unlock()
	if r.nameTaken(p, n.Name, "") {
		return roost.App{}, nameTaken(n.Name)
	}
	if _, taken := r.BoardApp(p, n.Board); taken && n.Board != "" {
		return roost.App{}, roost.Errorf(roost.Conflict, "There is an app for boards of the kind %q already.", n.Board)
	}
	at := now()
	a := roost.App{
		Project: p, ID: roost.AppID(roost.NewUUID()), Name: n.Name, DefaultPool: string(roost.Development),
		By: n.By, Created: at, Edited: at, Board: n.Board,
	}
	c, contents := newCommit(a, r.claim("", at), "", n.first(), at)
	return r.makeApp(ctx, a, n.firstPools(c), c, contents)
}

// first is the first commit of a new app.
func (n NewApp) first() NewCommit {
	c := NewCommit{Message: "The first files", Author: n.By, Origin: "editor", Files: n.Files}
	switch {
	case n.Files == nil && n.Board == "":
		c.Files = firstFiles()
	case n.Board != "" && n.By == "directory":
		c.Origin = "directory"
	}
	return c
}

func nameTaken(name string) error {
	return roost.Errorf(roost.Conflict, "There is an app named %q already; choose another name.", name)
}

// nameTaken tells that an app other than but has the name; the caller holds r.making.
func (r *Releases) nameTaken(p roost.ProjectID, name string, but roost.AppID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.ContainsFunc(r.order, func(e *entry) bool {
		return e.app.Project == p && !e.app.Hidden && e.app.ID != but && roost.NameKey(e.app.Name) == roost.NameKey(name)
	})
}

// makeApp stores a new app and takes it in; the caller holds r.making.
func (r *Releases) makeApp(ctx context.Context, a roost.App, pools []roost.Pool, c roost.Commit, contents []string) (roost.App, error) {
	number, err := r.store.MakeApp(ctx, a, pools, c, contents)
	if err != nil {
		r.unclaim(c.ID)
		return roost.App{}, roost.Because(roost.Unavailable, err, "The app cannot be stored at present.")
	}
	a.Number = number
	r.mu.Lock()
	e := r.enter(a)
	e.commit(c)
	for _, p := range pools {
		e.pools = append(e.pools, &pool{Pool: p})
	}
	r.mu.Unlock()
	r.tellApp(a.Project, a.ID)
	return a, nil
}

// NoApp gives the hidden app of a project for things that came with an account id and
// have no app, and makes it at its first use.
func (r *Releases) NoApp(ctx context.Context, p roost.ProjectID) (roost.App, error) {
	r.making.Lock()
	defer r.making.Unlock()
	if a, err := r.App(p, roost.NoApp); err == nil {
		return a, nil
	}
	at := now()
	a := roost.App{Project: p, ID: roost.NoApp, Name: "No app", DefaultPool: unbound, Hidden: true, By: "roost", Created: at, Edited: at}
	c, contents := newCommit(a, r.claim("", at), "", NewCommit{Message: "Does nothing", Author: "roost", Origin: "editor", Files: idleFiles()}, at)
	n := NewApp{Management: idleManagementInterval, Worker: firstWorkerInterval, OS: roost.Factory}
	idle := roost.Pool{Project: p, App: a.ID, Name: unbound, Kind: roost.Development, Settings: n.firstSettings(c.ID), Base: c.ID, Edited: at}
	return r.makeApp(ctx, a, []roost.Pool{idle}, c, contents)
}

// ChangeApp changes what is given. Errors: roost.NotFound, roost.Invalid, roost.Conflict
// for a name that another has.
func (r *Releases) ChangeApp(ctx context.Context, p roost.ProjectID, id roost.AppID, c AppChange) (a roost.App, err error) {
	if c.Name != nil {
		if err := CheckAppName(*c.Name); err != nil {
			return a, err
		}
		r.making.Lock()
		defer r.making.Unlock()
		if r.nameTaken(p, *c.Name, id) {
			return a, nameTaken(*c.Name)
		}
	}
	err = r.change(p, id, func(e *entry) error {
		if e.app.Hidden {
			return hidden()
		}
		if c.DefaultPool != nil && e.poolNamed(*c.DefaultPool) == nil {
			return noPool(*c.DefaultPool)
		}
		a = r.snapshot(e)
		apply(&a.Name, c.Name)
		apply(&a.DefaultPool, c.DefaultPool)
		apply(&a.Admits, c.Admits)
		apply(&a.Unchecked, c.Unchecked)
		if err := r.store.SaveApp(ctx, a); err != nil {
			return err
		}
		r.mu.Lock()
		e.app = a
		r.mu.Unlock()
		return nil
	})
	return a, err
}

func apply[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (r *Releases) snapshot(e *entry) roost.App {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return e.app
}

func hidden() error {
	return roost.Errorf(roost.Conflict, "This app is for things that have none; it cannot be changed.")
}

// DeleteApp deletes an app with its source and pools. Its things stay: those that came
// with an account id go to the project's NoApp, the others have no app. Errors:
// roost.NotFound, roost.Conflict for the hidden one.
func (r *Releases) DeleteApp(ctx context.Context, p roost.ProjectID, id roost.AppID) error {
	e, err := r.find(p, id)
	if err != nil {
		return err
	}
	if id == roost.NoApp {
		return hidden()
	}
	idle := ""
	if r.hasAccountThings(e) {
		if _, err := r.NoApp(ctx, p); err != nil {
			return err
		}
		idle = unbound
	}
	return r.change(p, id, func(e *entry) error { return r.deleteApp(ctx, e, idle) })
}

func (r *Releases) hasAccountThings(e *entry) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, t := range r.things {
		if t.app == e && t.ByAccount {
			return true
		}
	}
	return false
}

func (r *Releases) deleteApp(ctx context.Context, e *entry, idle string) error {
	r.gate.Lock() // nothing is bound to the app meanwhile
	defer r.gate.Unlock()
	if idle == "" && r.hasAccountThings(e) {
		return roost.Errorf(roost.Conflict, "A thing came to the app just now; try again.")
	}
	if err := r.store.DeleteApp(ctx, e.app.Project, e.app.ID, idle); err != nil {
		return err
	}
	r.mu.Lock()
	e.gone = true
	delete(r.apps, appKey{e.app.Project, e.app.ID})
	delete(r.brought, e.app.ID)
	r.order = slices.DeleteFunc(slices.Clone(r.order), func(o *entry) bool { return o == e })
	var moved []roost.Ref
	for ref, t := range r.things {
		if t.app == e {
			moved = append(moved, ref)
			s := t.Software
			s.App, s.Pool, s.Own.App = "", "", nil
			if s.ByAccount {
				s.App, s.Pool = roost.NoApp, unbound
			}
			r.bind(t, s)
		}
	}
	r.mu.Unlock()
	for _, ref := range moved {
		r.tellThing(ref, e.app.ID)
	}
	return nil
}
