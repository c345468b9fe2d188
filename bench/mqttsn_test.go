package bench

import (
	"strings"
	"testing"
	"time"
)

func newFakeSN(t *testing.T) (*fakeSN, Config) {
	t.Helper()
	if !canPoll {
		t.Skip("not on this system")
	}
	f, err := startFakeSN("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	broker := newFakeMQTT(t, "127.0.0.1:0")
	broker.mu.Lock()
	broker.hear = f.hear
	broker.mu.Unlock()
	c := quickMQTT(broker)
	c.MQTTSN, c.Things, c.Rate = f.at, 40, 400
	return f, c
}

func TestSleepersGetTheirMessages(t *testing.T) {
	_, c := newFakeSN(t)
	r := counted(t, MQTTSN, c)
	if r.Unit != "woken" || r.Load["sleeping clients"] != 40 || r.Load["wakings a second"] != 400 {
		t.Errorf("%+v", r)
	}
	if r.More["messages to sleepers"] < 40 || r.More["messages that never came"] != 0 || r.More["messages that came twice"] != 0 {
		t.Errorf("%v", r.More)
	}
}

func TestSleepersAskAgainAndSeeWhatIsLost(t *testing.T) {
	f, c := newFakeSN(t)
	f.mu.Lock()
	f.deaf, f.lose = 10, true
	f.mu.Unlock()
	c.Duration = 4 * time.Second
	r, err := MQTTSN(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Lost != 0 || r.Count == 0 || r.More["messages that never came"] != r.More["messages to sleepers"] {
		t.Errorf("%+v", r)
	}
	if r.Max < 500 {
		t.Errorf("the longest waking took %v ms, though some had to ask again", r.Max)
	}
}

func TestMQTTSNFaultsAreTold(t *testing.T) {
	_, c := newFakeSN(t)
	c.MQTTSN = "192.0.2.1:1885"
	if _, err := MQTTSN(t.Context(), c); err == nil || !strings.Contains(err.Error(), "not this machine") {
		t.Errorf("%v", err)
	}
}
