package release

import (
	"time"

	"github.com/roost-iot/roost"
)

// NewApp is what a new app begins with.
type NewApp struct {
	Name       string
	By         string // who makes it, in words
	Management int    // seconds; 0: 60
	Worker     int    // seconds; 0: 300
	Latest     bool   // its development and staging pools follow new commits and tags
	OS         string // "": roost.Factory
	Board      string // the kind of board that it is for, "" for none; see CheckBoard
	// Files are what it is made of first; nil: our own two tasks, or nothing for a board.
	Files map[string]string
}

// AppChange is a change of an app; nil leaves a part as it is.
type AppChange struct {
	Name, DefaultPool *string
	Admits, Unchecked *bool
}

// What a WorkingFile is, held against the newest commit.
const (
	Same    = "same"
	New     = "new"
	Changed = "changed"
	Deleted = "deleted"
)

// WorkingFile is a file of the working copy: the newest commit with the drafts over it.
type WorkingFile struct {
	Name    string
	Content string // of a deleted one: as it was
	State   string // Same, New, Changed or Deleted
	By      string // who saved the draft; "" for Same
	At      time.Time
}

// NewCommit is what a commit is made of.
type NewCommit struct {
	Message string
	Author  string
	Origin  string            // see roost.Commit
	Parent  string            // what it was written against; "": whatever is the newest
	Files   map[string]string // all files of the commit; nil: the working copy
	// Unchecked: the syntax of the files is not looked at.
	Unchecked bool
}

// PoolState is a pool, what it means and how many things are in it.
type PoolState struct {
	roost.Pool
	Commit string // what its things shall run
	Things int
}

// PoolChange is a change of a pool; nil leaves a part as it is.
type PoolChange struct {
	Name     *string
	Kind     *roost.PoolKind
	Settings roost.SettingsChange
}

// Wanted is what a thing shall be. It stays the same as long as nobody changes anything.
type Wanted struct {
	Settings roost.AppSettings // its pool's, with its own over them; App as it was chosen
	Commit   string            // what Settings.App means
	Pool     string
	Kind     roost.PoolKind // of its pool
	Again    string         // see roost.Software
	App      roost.App
}

// Registration is a thing that started and told what it is.
type Registration struct {
	roost.Ref
	App       roost.AppID // that it brought; with ByAccount that which it gets if it has none, "" for the hidden one
	ByAccount bool        // it brought an account id
	Pool      string      // that it brought; counts at the first time only
	Platform  string
	OS        string
	Version   string // id of the commit that it has, "0" if none
	Address   string
	RunID     string // "": one is made
	Frozen    bool
	Encrypted bool
}

// OSRelease is a version of an operating system on the shelf.
type OSRelease struct {
	Version   string
	Platforms []OSPlatform // by name
	Added     time.Time
}

// OSPlatform is what a release has for one platform.
type OSPlatform struct {
	Name  string
	Files int
	Bytes int64
}

// OSFile is a file that a thing downloads to move to a release.
type OSFile struct {
	Name string
	Size int64
}
