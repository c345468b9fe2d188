package release

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/roost-iot/roost"
)

// Drafts counts the files of an app that were saved and not committed.
func (r *Releases) Drafts(p roost.ProjectID, id roost.AppID) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.apps[appKey{p, id}]; e != nil {
		return len(e.drafts)
	}
	return 0
}

// Working gives the working copy, by name, deleted files too.
func (r *Releases) Working(ctx context.Context, p roost.ProjectID, id roost.AppID) ([]WorkingFile, error) {
	e, err := r.find(p, id)
	if err != nil {
		return nil, err
	}
	e.changing.Lock() // drafts and commit belong together
	defer e.changing.Unlock()
	files, err := r.filesOf(ctx, e.newest())
	if err != nil {
		return nil, err
	}
	drafts, err := r.drafts(ctx, e)
	if err != nil {
		return nil, err
	}
	all := map[string]WorkingFile{}
	for name, text := range files {
		all[name] = WorkingFile{Name: name, Content: text, State: Same, At: e.newest().At}
	}
	for _, d := range drafts {
		if f, ok := overlay(all[d.Name], d); ok {
			all[d.Name] = f
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b WorkingFile) int { return strings.Compare(a.Name, b.Name) }), nil
}

// overlay gives a file with its draft over it; false: the draft says nothing.
func overlay(f WorkingFile, d roost.Draft) (WorkingFile, bool) {
	known := f.Name != ""
	switch {
	case d.Deleted && !known:
		return f, false
	case d.Deleted:
		f.State = Deleted
	case known && f.Content == d.Content:
		return f, false
	case known:
		f.State, f.Content = Changed, d.Content
	default:
		f = WorkingFile{Name: d.Name, Content: d.Content, State: New}
	}
	f.By, f.At = d.By, d.At
	return f, true
}

// drafts reads those of an app, if it has some; the caller holds e.changing.
func (r *Releases) drafts(ctx context.Context, e *entry) ([]roost.Draft, error) {
	if len(e.drafts) == 0 {
		return nil, nil
	}
	return r.store.Drafts(ctx, e.app.Project, e.app.ID)
}

// overlaid gives the files of the newest commit with the drafts over them.
func (r *Releases) overlaid(ctx context.Context, e *entry, drafts []roost.Draft) (map[string]string, error) {
	files, err := r.filesOf(ctx, e.newest())
	if err != nil {
		return nil, err
	}
	for _, d := range drafts {
		if d.Deleted {
			delete(files, d.Name)
		} else {
			files[d.Name] = d.Content
		}
	}
	return files, nil
}

func (r *Releases) workingContent(ctx context.Context, p roost.ProjectID, id roost.AppID, name string) (string, error) {
	files, err := r.Working(ctx, p, id)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if f.Name == name && f.State != Deleted {
			return f.Content, nil
		}
	}
	return "", noFile(name)
}

// SaveDraft saves a file of the working copy. Errors: roost.NotFound for the app,
// roost.Invalid for a name that cannot be, roost.TooLarge.
func (r *Releases) SaveDraft(ctx context.Context, p roost.ProjectID, id roost.AppID, name, content, by string) error {
	if err := checkDraft(name, content); err != nil {
		return err
	}
	return r.change(p, id, func(e *entry) error {
		return r.saveDrafts(ctx, e, roost.Draft{Name: name, Content: content, By: by})
	})
}

func checkDraft(name, content string) error {
	if err := CheckFileName(name); err != nil {
		return err
	}
	if len(content) > maxFile {
		return roost.Errorf(roost.TooLarge, "%s has %d bytes; a file has at most %d.", name, len(content), maxFile)
	}
	if !utf8.ValidString(content) || strings.IndexByte(content, 0) >= 0 {
		return roost.Errorf(roost.Invalid, "%s is not text.", name)
	}
	return nil
}

// saveDrafts stores drafts and removes those that say nothing; the caller holds e.changing.
func (r *Releases) saveDrafts(ctx context.Context, e *entry, drafts ...roost.Draft) error {
	if e.app.Hidden {
		return hidden()
	}
	at := now()
	var save []roost.Draft
	var remove []string
	for _, d := range drafts {
		d.Project, d.App, d.At = e.app.Project, e.app.ID, at
		same, err := r.saysNothing(ctx, e, d)
		switch {
		case err != nil:
			return err
		case same:
			remove = append(remove, d.Name)
		default:
			save = append(save, d)
		}
	}
	if len(e.drafts)+len(save) > 2*maxFiles {
		return roost.Errorf(roost.TooMany, "An app has at most %d files.", maxFiles)
	}
	if err := r.store.SaveDrafts(ctx, e.app.Project, e.app.ID, save, remove, at); err != nil {
		return roost.Because(roost.Unavailable, err, "The file cannot be stored at present.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range save {
		e.drafts[d.Name] = true
	}
	for _, name := range remove {
		delete(e.drafts, name)
	}
	e.app.Edited = at
	return nil
}

// saysNothing tells that the newest commit is as the draft says.
func (r *Releases) saysNothing(ctx context.Context, e *entry, d roost.Draft) (bool, error) {
	for _, f := range e.newest().Files {
		if f.Name != d.Name {
			continue
		}
		if d.Deleted || f.Size != len(d.Content) {
			return false, nil
		}
		text, err := r.store.Blob(ctx, f.Digest)
		return text == d.Content, err
	}
	return d.Deleted, nil
}

// inWorking gives a file of the working copy; roost.NotFound. The caller holds e.changing.
func (r *Releases) inWorking(ctx context.Context, e *entry, name string) (string, error) {
	drafts, err := r.drafts(ctx, e)
	if err != nil {
		return "", err
	}
	files, err := r.overlaid(ctx, e, drafts)
	if err != nil {
		return "", err
	}
	text, ok := files[name]
	if !ok {
		return "", noFile(name)
	}
	return text, nil
}

// DeleteFile takes a file out of the working copy; roost.NotFound.
func (r *Releases) DeleteFile(ctx context.Context, p roost.ProjectID, id roost.AppID, name, by string) error {
	return r.change(p, id, func(e *entry) error {
		if _, err := r.inWorking(ctx, e, name); err != nil {
			return err
		}
		return r.saveDrafts(ctx, e, roost.Draft{Name: name, Deleted: true, By: by})
	})
}

// RenameFile gives a file of the working copy another name. Errors: roost.NotFound,
// roost.Invalid, roost.Conflict when there is one of that name.
func (r *Releases) RenameFile(ctx context.Context, p roost.ProjectID, id roost.AppID, from, to, by string) error {
	if err := CheckFileName(to); err != nil {
		return err
	}
	return r.change(p, id, func(e *entry) error {
		text, err := r.inWorking(ctx, e, from)
		if err != nil {
			return err
		}
		if _, err := r.inWorking(ctx, e, to); err == nil {
			return roost.Errorf(roost.Conflict, "There is a file %s already.", to)
		}
		return r.saveDrafts(ctx, e, roost.Draft{Name: to, Content: text, By: by}, roost.Draft{Name: from, Deleted: true, By: by})
	})
}

// Discard takes the draft of one file back, or with "" all; roost.NotFound if there is none.
func (r *Releases) Discard(ctx context.Context, p roost.ProjectID, id roost.AppID, name string) error {
	return r.change(p, id, func(e *entry) error {
		names := []string{name}
		if name == "" {
			names = slices.Sorted(maps.Keys(e.drafts))
		} else if !e.drafts[name] {
			return roost.Errorf(roost.NotFound, "%q has no changes to take back.", short(name))
		}
		if err := r.store.SaveDrafts(ctx, p, id, nil, names, e.app.Edited); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, n := range names {
			delete(e.drafts, n)
		}
		return nil
	})
}
