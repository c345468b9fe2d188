package web

import (
	"context"
	"runtime"
	"runtime/metrics"
	"time"
)

// System is what main tells of the server.
type System struct {
	Started        time.Time
	DataDir        string
	DataBytes      int64
	Listeners      []Listener
	PyaiotGateways int          // far gateways that are connected
	PyaiotClients  int          // dashboards that are connected to /ws
	MQTT           *MQTTFigures // nil: that door is shut
	MQTTSN         *MQTTFigures
}

// MQTTFigures is how the MQTT or the MQTT-SN door is doing.
type MQTTFigures struct {
	Connections   int    `json:"connections"`
	Sessions      int    `json:"sessions" doc:"Of clients that are here, asleep or away."`
	Asleep        int    `json:"asleep" doc:"Clients of MQTT-SN that sleep."`
	Subscriptions int    `json:"subscriptions"`
	Retained      int    `json:"retained" doc:"Messages that wait for those who subscribe later."`
	Queued        int    `json:"queued" doc:"Messages that wait for their receiver."`
	Received      uint64 `json:"received" doc:"Messages since the start."`
	Sent          uint64 `json:"sent"`
	Dropped       uint64 `json:"dropped" doc:"Messages that had no room in the queue of their receiver."`
}

// Listener is one address of the server, or the lack of one.
type Listener struct {
	Name    string `json:"name" example:"coap"`
	Address string `json:"address" example:"0.0.0.0:5683"`
	State   string `json:"state" enum:"listening,off,failed"`
	Detail  string `json:"detail" doc:"Why it failed, or what else there is to say."`
}

// SystemState is how the server is doing.
type SystemState struct {
	Version     string        `json:"version" example:"0.1.0"`
	Go          string        `json:"go" example:"go1.26.8"`
	OS          string        `json:"os" example:"linux"`
	Arch        string        `json:"arch" example:"arm64"`
	Started     int64         `json:"started" example:"1764000000000"`
	DataDir     string        `json:"data_dir" example:"/var/lib/roost"`
	DataBytes   int64         `json:"data_bytes"`
	MemoryBytes uint64        `json:"memory_bytes" doc:"What the process holds of the machine's memory."`
	Goroutines  int           `json:"goroutines"`
	Enrolment   string        `json:"enrolment" enum:"approve,open,closed"`
	Listeners   []Listener    `json:"listeners" nullable:"false"`
	Things      ThingCounts   `json:"things"`
	Readings    ReadingCounts `json:"readings" doc:"Since the start."`
	Live        LiveState     `json:"live"`
	Pyaiot      PyaiotCounts  `json:"pyaiot"`
	MQTT        *MQTTFigures  `json:"mqtt,omitempty" doc:"Left out if that door is shut."`
	MQTTSN      *MQTTFigures  `json:"mqttsn,omitempty"`
	BaseURL     string        `json:"base_url" example:"http://192.0.2.1:8080" doc:"Where the server is reached: its public address, or else the one of this request."`
	Simulator   bool          `json:"simulator" doc:"Whether simulated things can be started."`
}

// ThingCounts counts things.
type ThingCounts struct {
	Total   int `json:"total"`
	Online  int `json:"online"`
	Waiting int `json:"waiting"`
}

// ReadingCounts counts readings.
type ReadingCounts struct {
	Recorded uint64 `json:"recorded"`
	Pending  int    `json:"pending"`
	Refused  uint64 `json:"refused"`
}

// LiveState is how many watch the live stream and how far it is.
type LiveState struct {
	Watchers int    `json:"watchers"`
	Seq      uint64 `json:"seq"`
}

// PyaiotCounts counts who is connected by Pyaiot's protocol.
type PyaiotCounts struct {
	Gateways int `json:"gateways"`
	Clients  int `json:"clients"`
}

func (s *Server) system(ctx context.Context, _ *struct{}) (*struct{ Body SystemState }, error) {
	told := System{}
	if s.System != nil {
		told = s.System(ctx)
	}
	if told.Started.IsZero() {
		told.Started = s.started
	}
	if told.Listeners == nil {
		told.Listeners = []Listener{}
	}
	things, readings := s.Registry.Count(s.project), s.Telemetry.Stats()
	return &struct{ Body SystemState }{SystemState{
		Version: s.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Started: ms(told.Started), DataDir: told.DataDir, DataBytes: told.DataBytes,
		MemoryBytes: memory(), Goroutines: runtime.NumGoroutine(), Enrolment: s.Registry.Policy(), Listeners: told.Listeners,
		Things:   ThingCounts{Total: things.Total, Online: things.Online, Waiting: things.Waiting},
		Readings: ReadingCounts{Recorded: readings.Recorded, Pending: readings.Pending, Refused: readings.Refused},
		Live:     LiveState{Watchers: s.hub.count(), Seq: s.Feed.Last()},
		Pyaiot:   PyaiotCounts{Gateways: told.PyaiotGateways, Clients: told.PyaiotClients},
		MQTT:     told.MQTT, MQTTSN: told.MQTTSN,
		BaseURL: callerOf(ctx).base, Simulator: s.Simulator != nil,
	}}, nil
}

// memory is what the Go runtime holds and has not given back.
func memory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
