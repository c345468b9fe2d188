package main

import "testing"

func TestMQTTClientIDIsMadeOnceForADataFolder(t *testing.T) {
	dir := t.TempDir()
	first, err := mqttID(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := mqttID(dir)
	if err != nil || again != first {
		t.Errorf("it was %q and is %q, %v", first, again, err)
	}
	if other, err := mqttID(t.TempDir()); err != nil || other == first {
		t.Errorf("another folder has %q, too, %v", other, err)
	}
}
