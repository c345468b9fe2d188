package coap

import "testing"

// What a person may set must not depend on which door a thing came in by.
func TestNamesThatAnyDoorTakesForSettableAreSettable(t *testing.T) {
	links, err := linksOf(`</relay>,</servo>,</temperature>`, 8)
	if err != nil || len(links) != 3 {
		t.Fatal(links, err)
	}
	if !links[0].writable || !links[1].writable || links[2].writable {
		t.Errorf("read %+v", links)
	}
}
