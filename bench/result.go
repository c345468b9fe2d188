package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is what one scenario measured.
type Result struct {
	Scenario  string         `json:"scenario"`
	Server    string         `json:"server,omitempty"` // who was loaded, in words
	Load      map[string]int `json:"load"`             // how many of what
	Seconds   float64        `json:"seconds"`          // counted
	Unit      string         `json:"unit"`             // of Count: "delivered", "answered"
	Count     uint64         `json:"count"`
	PerSecond float64        `json:"per_second"`
	P50       float64        `json:"p50_ms"`
	P99       float64        `json:"p99_ms"`
	Max       float64        `json:"max_ms"`
	Lost      uint64         `json:"lost"` // never came; counted over the whole run
	Stalls    int            `json:"stalls,omitempty"`

	ServerCPU    *float64 `json:"server_cpu_s,omitempty"` // nil: not available
	ServerMemory *uint64  `json:"server_rss_bytes,omitempty"`
	OwnCPU       *float64 `json:"generator_cpu_s,omitempty"`

	More map[string]float64 `json:"more,omitempty"` // what else the scenario measures, by name and unit
	Bars []Bar              `json:"bars,omitempty"`

	Error string `json:"error,omitempty"` // why the scenario ended early
}

// Bar is what a measured number is held against.
type Bar struct {
	What string  `json:"what"`
	Got  float64 `json:"got"`
	Want float64 `json:"want"`
	Most bool    `json:"most"` // Want is the most it may be, not the least
	Unit string  `json:"unit"`
}

// Met tells whether the number is as good as it should be.
func (b Bar) Met() bool { return b.Got == b.Want || (b.Got < b.Want) == b.Most }

func (b Bar) String() string {
	sign, word := "≥", "met"
	if b.Most {
		sign = "≤"
	}
	if !b.Met() {
		word = "not met"
	}
	return fmt.Sprintf("%s: %s %s (bar %s %s): %s", b.What, figure(b.Got), b.Unit, sign, figure(b.Want), word)
}

// atLeast and atMost hold a number of r against a bar.
func (r *Result) atLeast(what, unit string, got, want float64) {
	r.Bars = append(r.Bars, Bar{What: what, Got: got, Want: want, Unit: unit})
}

func (r *Result) atMost(what, unit string, got, want float64) {
	r.Bars = append(r.Bars, Bar{What: what, Got: got, Want: want, Most: true, Unit: unit})
}

// more adds a number of the scenario's own.
func (r *Result) more(name string, value float64) {
	if r.More == nil {
		r.More = map[string]float64{}
	}
	r.More[name] = value
}

// timed fills in a number of things done in a time and how long each took.
func (r *Result) timed(unit string, count uint64, in time.Duration, h *histogram) {
	r.Unit, r.Count, r.Seconds = unit, count, in.Seconds()
	if in > 0 {
		r.PerSecond = float64(count) / in.Seconds()
	}
	r.P50, r.P99, r.Max = ms(h.at(0.50)), ms(h.at(0.99)), ms(h.at(1))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Table writes results for people.
func Table(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "scenario\tserver\tcount/s\tp50 ms\tp99 ms\tmax ms\tlost\tserver µs each\tserver CPUs\tgenerator CPUs\tserver MB\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t\n", r.Scenario, r.Server,
			figure(r.PerSecond), figure(r.P50), figure(r.P99), figure(r.Max), r.Lost,
			share(r.ServerCPU, float64(r.Count)/1e6), share(r.ServerCPU, r.Seconds), share(r.OwnCPU, r.Seconds), megabytes(r.ServerMemory))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		for _, line := range r.notes() {
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// notes are what the table has no column for.
func (r *Result) notes() (lines []string) {
	title := r.Scenario
	if r.Server != "" && r.Server != "roost" {
		title += " (" + r.Server + ")"
	}
	if len(r.Load) > 0 {
		lines = append(lines, "", title+": "+strings.Join(sorted(r.Load, func(name string, n int) string { return fmt.Sprintf("%d %s", n, name) }), ", "))
	} else if len(r.More)+len(r.Bars)+len(r.Error) > 0 {
		lines = append(lines, "", title)
	}
	if r.Error != "" {
		lines = append(lines, "  FAILED: "+r.Error)
	}
	if r.Stalls > 0 {
		lines = append(lines, fmt.Sprintf("  stood still %d times", r.Stalls))
	}
	for _, s := range sorted(r.More, func(name string, v float64) string { return name + " " + figure(v) }) {
		lines = append(lines, "  "+s)
	}
	for _, b := range r.Bars {
		lines = append(lines, "  "+b.String())
	}
	return lines
}
