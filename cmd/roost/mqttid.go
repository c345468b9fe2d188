package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/roost-iot/roost"
)

// outsideID is mqttID, if there is a broker outside. A data folder that keeps nothing
// costs what is published there while Roost is not connected, and no more.
func outsideID(broker, data string, log *slog.Logger) string {
	if broker == "" {
		return ""
	}
	id, err := mqttID(data)
	if err != nil {
		log.Warn("session at the MQTT broker does not last", "err", err)
	}
	return id
}

// mqttID is what this data folder is called at a broker outside, made at the first
// use: a session there goes on when Roost comes back, and two Roosts never meet.
func mqttID(data string) (string, error) {
	path := filepath.Join(data, "secrets", "mqtt-client-id")
	b, err := os.ReadFile(path)
	if id := string(bytes.TrimSpace(b)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the MQTT client id: %w", err)
	}
	id := "roost-" + roost.NewID()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("keep the MQTT client id: %w", err)
	}
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the MQTT client id: %w", err)
	}
	return id, nil
}
