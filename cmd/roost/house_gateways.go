package main

import (
	"github.com/roost-iot/roost/web"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// keyring gives the keys that people made for far gateways.
func (h *house) keyring() []wire.NamedKey {
	living := h.accounts.Keyring()
	ring := make([]wire.NamedKey, len(living))
	for i, k := range living {
		ring[i] = wire.NamedKey{ID: k.ID, Name: k.Name, Project: k.Project, Keys: wire.Keys{Secret: k.Secret, Private: k.Private}}
	}
	return ring
}

// gateways tells of those that are here or were, whatever they speak.
func (h *house) gateways() []web.GatewayStatus {
	var all []web.GatewayStatus
	for _, g := range h.pyaiot.Gateways() {
		all = append(all, web.GatewayStatus{
			Key: shownKey(g.Key), Name: g.Name, Kind: web.KindPyaiot, Connected: g.Connected, Since: g.Since,
			Remote: g.Remote, Things: g.Things, LastSeen: g.LastSeen, LastError: g.LastError,
		})
	}
	for _, g := range h.relay.Gateways() {
		all = append(all, web.GatewayStatus{
			Key: shownKey(g.Key), Name: g.Name, Kind: web.KindRoost, Connected: g.Connected, Since: g.Since,
			Remote: g.Remote, Things: g.Things, Lag: g.Lag, LastSeen: g.LastSeen, LastError: g.LastError,
			Version: g.Version, Doors: g.Doors,
			Spool: web.SpoolStatus{Entries: int64(g.Spool.Entries), Bytes: g.Spool.Bytes, Oldest: g.Spool.Oldest, Dropped: int64(g.Spool.Dropped)},
		})
	}
	return all
}

// keyFile is the path of the key file if it lets anybody in.
func (h *house) keyFile(keys wire.Keys) string {
	if keys.Secret == "" {
		return ""
	}
	return h.KeyFile
}

// shownKey is a key's id as the API has it: none for the key file.
func shownKey(id string) string {
	if id == wire.FileKey {
		return ""
	}
	return id
}

// revoked cuts those who came by a key.
func (h *house) revoked(key string) {
	h.pyaiot.Expel(key)
	h.relay.Expel(key)
}
