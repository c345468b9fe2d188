package agent

import "encoding/hex"

// SessionKeys is what HKDF gives for a session.
func SessionKeys(k Key, thing, server Nonce, id SessionID) string {
	return hex.EncodeToString(derive(k[:], string(thing[:])+string(server[:]), "roost d1"+string(id[:]), 96))
}
