package broker

import "github.com/roost-iot/roost/wire/mqtt"

// SetWill gives the connection another will, or none (nil): MQTT-SN clients may change
// theirs. What is borrowed in it is copied.
func (s *Session) SetWill(w *mqtt.Will) {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	if s.st.conn == s {
		s.will = newWill(s.client, w)
	}
}
