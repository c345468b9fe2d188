package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// mqttScenarios is what the names of those begin with that MQTTSuite runs.
const mqttScenarios = "mqtt-"

// brokers are whom MQTTSuite measures, ours first.
var brokers = []struct {
	name  string
	start func(context.Context, Config) (*server, error)
}{{"roost", startRoost}, {"mosquitto", startMosquitto}}

// MQTTSuite runs every MQTT scenario against a Roost and a mosquitto that are started
// for it, in turn and several times (Config.Rounds), and holds the medians against
// each other. Where mosquitto is not installed, Roost runs alone. tell hears of every
// result as it comes.
func MQTTSuite(ctx context.Context, c Config, tell func(Result)) ([]Result, error) {
	or(&c.Rounds, 3)
	var all []Result
	for _, s := range Scenarios() {
		if !strings.HasPrefix(s.Name, mqttScenarios) {
			continue
		}
		ours, theirs := s.against(ctx, c)
		ours.ratios(theirs)
		for _, r := range []*Result{theirs, ours} {
			if r != nil {
				all = append(all, *r)
				if tell != nil {
					tell(*r)
				}
			}
		}
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
	}
	return all, nil
}

// against runs a scenario with each broker in turn; theirs is nil when there is no
// mosquitto.
func (s Scenario) against(ctx context.Context, c Config) (ours, theirs *Result) {
	rounds := c.Rounds
	if s.Name == "mqtt-idle" { // memory does not waver
		rounds = 1
	}
	runs := make([][]Result, len(brokers))
	for range rounds {
		for i, b := range brokers {
			r, err := s.with(ctx, c, b.start)
			if errors.Is(err, exec.ErrNotFound) {
				continue
			}
			r.Scenario, r.Server = s.Name, b.name
			if err != nil {
				r.Error = err.Error()
			}
			runs[i] = append(runs[i], r)
		}
	}
	ours = middle(runs[0])
	if theirs = middle(runs[1]); theirs == nil && ours != nil {
		ours.Server = "roost (no mosquitto here to compare with)"
	}
	return ours, theirs
}

// with runs the scenario against a fresh broker.
func (s Scenario) with(ctx context.Context, c Config, start func(context.Context, Config) (*server, error)) (Result, error) {
	server, err := start(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer server.close()
	return s.Run(ctx, server.c)
}

// middle is the run with the median rate, and what the others had; one that failed
// stands for all. nil: there is none.
func middle(runs []Result) *Result {
	if len(runs) == 0 {
		return nil
	}
	for i := range runs {
		if runs[i].Error != "" {
			return &runs[i]
		}
	}
	slices.SortFunc(runs, func(a, b Result) int { return cmp.Compare(a.PerSecond, b.PerSecond) })
	r := runs[len(runs)/2]
	if len(runs) > 1 {
		r.Load["runs"] = len(runs)
		r.more("slowest run /s", runs[0].PerSecond)
		r.more("quickest run /s", runs[len(runs)-1].PerSecond)
	}
	return &r
}

// ratios holds a result against mosquitto's.
func (r *Result) ratios(peer *Result) {
	if r == nil || peer == nil || r.PerSecond == 0 || peer.PerSecond == 0 {
		return
	}
	times := func(least float64) {
		r.atLeast(fmt.Sprintf("%s, times mosquitto", r.Unit), "x", r.PerSecond/peer.PerSecond, least)
	}
	const cpu = "CPU time a message, times mosquitto's"
	share, known := cpuRatio(r, peer)
	if known && r.Scenario != "mqtt-single" {
		r.more(cpu, share)
	}
	switch r.Scenario {
	case "mqtt-qos0", "mqtt-qos1":
		times(5)
	case "mqtt-fanout":
		times(8)
	case "mqtt-single":
		if known {
			r.atMost(cpu, "x", share, 1)
		}
	case "mqtt-idle":
		r.more("connected and subscribed a second, times mosquitto", r.PerSecond/peer.PerSecond)
	}
}

// cpuRatio is what a message costs one server, in what it costs the other.
func cpuRatio(r, peer *Result) (ratio float64, ok bool) {
	if r.ServerCPU == nil || peer.ServerCPU == nil || *peer.ServerCPU == 0 || r.Count == 0 || peer.Count == 0 {
		return 0, false
	}
	return *r.ServerCPU / float64(r.Count) / (*peer.ServerCPU / float64(peer.Count)), true
}
