package roost

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// AppID names an app for its things: the text of a UUID, which a PythingsOS device
// brings as its AID.
type AppID string

// NoApp is the hidden app of a project that holds things which came with an account
// id and have no app yet. Every project has its own of this id.
const NoApp AppID = "00000000-0000-0000-0000-000000000000"

// App is a set of Python files that run on things, with commits, tags and settings.
type App struct {
	Project     ProjectID
	ID          AppID
	Number      int64 // rises; the legacy web API calls it intaid
	Name        string
	DefaultPool string // where new things go
	Board       string // the kind of board whose files it is, and the name of its directory; "": none
	Hidden      bool   // NoApp
	Admits      bool   // things that bring its id need no approval
	Unchecked   bool   // the syntax of its files is not checked before a commit
	By          string // who made it, in words
	Created     time.Time
	Edited      time.Time // its newest commit or draft
}

// PoolKind says which commits "latest" follows.
type PoolKind string

// A development pool on Latest follows every commit; the others follow tagged ones.
const (
	Development PoolKind = "development"
	Staging     PoolKind = "staging"
	Production  PoolKind = "production"
)

// Pool is a named group of things of an app that share settings.
type Pool struct {
	Project  ProjectID
	App      AppID
	Name     string
	Kind     PoolKind
	Settings AppSettings
	Base     string // id of the commit that Latest means while its kind follows none; "": the first
	Edited   time.Time
}

// What AppSettings may say in words.
const (
	Latest  = "latest"  // of AppSettings.App: the newest commit that the pool's kind follows; of OS: the runtime of this Roost
	Factory = "factory" // of AppSettings.OS: what was installed on the device
)

// AppSettings is what a thing of a pool is told to be.
type AppSettings struct {
	OS           string `json:"os"`         // Factory, Latest or a version on the shelf
	App          string `json:"app"`        // Latest, the name of a tag, or the id of a commit
	Management   int    `json:"management"` // seconds from one management call to the next, at least 1
	Worker       int    `json:"worker"`     // seconds from one worker call to the next, at least 1
	TLS          bool   `json:"tls"`
	Encrypt      bool   `json:"encrypt"` // payload encryption of PythingsOS
	Battery      bool   `json:"battery"`
	SetupTimeout int    `json:"setupTimeout"` // seconds
	Backend      string `json:"backend"`      // host[:port][/prefix] that things shall go to; "": here
}

// SettingsChange is a change of AppSettings, or what one thing has of its own: nil
// leaves a setting as it is.
type SettingsChange struct {
	OS           *string `json:"os,omitempty"`
	App          *string `json:"app,omitempty"`
	Management   *int    `json:"management,omitempty"`
	Worker       *int    `json:"worker,omitempty"`
	TLS          *bool   `json:"tls,omitempty"`
	Encrypt      *bool   `json:"encrypt,omitempty"`
	Battery      *bool   `json:"battery,omitempty"`
	SetupTimeout *int    `json:"setupTimeout,omitempty"`
	Backend      *string `json:"backend,omitempty"`
}

// Apply gives s with the change made.
func (c SettingsChange) Apply(s AppSettings) AppSettings {
	set(&s.OS, c.OS)
	set(&s.App, c.App)
	set(&s.Management, c.Management)
	set(&s.Worker, c.Worker)
	set(&s.TLS, c.TLS)
	set(&s.Encrypt, c.Encrypt)
	set(&s.Battery, c.Battery)
	set(&s.SetupTimeout, c.SetupTimeout)
	set(&s.Backend, c.Backend)
	return s
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Digest is the SHA-256 of a file's content, by which it is stored.
type Digest [sha256.Size]byte

// SourceFile is a file of a commit.
type SourceFile struct {
	Name   string
	Digest Digest
	Size   int
}

// Commit is an immutable set of files of an app. Its ID is the second of its making,
// in decimal, or the next one that is free.
type Commit struct {
	Project ProjectID
	App     AppID
	ID      string
	Parent  string // "": the first
	Message string
	Author  string
	Origin  string // "editor", "command line", "import", "directory", "pythings api"
	At      time.Time
	Files   []SourceFile // by name
}

// SHA256 gives that of a file in hex; "": it has none of the name.
func (c Commit) SHA256(name string) string {
	for _, f := range c.Files {
		if f.Name == name {
			return hex.EncodeToString(f.Digest[:])
		}
	}
	return ""
}

// Draft is a file as it stands in the editor, saved and not yet committed.
type Draft struct {
	Project ProjectID
	App     AppID
	Name    string
	Content string
	Deleted bool // the next commit will not have it
	By      string
	At      time.Time
}

// Tag is a name for a commit.
type Tag struct {
	Project ProjectID
	App     AppID
	Name    string
	Commit  string
	By      string
	At      time.Time
}
