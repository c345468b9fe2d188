package roost

import "time"

// GatewayKey lets one far gateway in: a secret and the key it is shown under, as in
// Pyaiot's key file. Whoever has it may speak for any thing of the project.
type GatewayKey struct {
	ID       string
	Project  ProjectID
	Name     string
	Secret   string   `json:"-"` // kept as it is: the handshake needs it
	Private  [32]byte `json:"-"`
	Created  time.Time
	By       string    // who made it, in words
	Revoked  time.Time // zero: it is good
	LastSeen time.Time // zero: never
}

// Credential lets one thing of the MQTT doors in by a password. Its id is bound:
// the thing may not come back without it.
type Credential struct {
	ID       string
	Project  ProjectID
	Own      string // the thing's own id, which is its user name too
	Hash     Secret `json:"-"`
	Created  time.Time
	By       string    // who made it, in words
	LastUsed time.Time // zero: never
}
