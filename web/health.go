package web

import (
	"context"
	"io"
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/roost-iot/roost/account"
)

// healthz says that the process is up.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// readyz says whether the store answers.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.Ready != nil {
		if err := s.Ready(r.Context()); err != nil {
			s.log.Warn("not ready", "err", err)
			refuseAs(w, http.StatusServiceUnavailable, "The store does not answer.")
			return
		}
	}
	s.healthz(w, r)
}

// metrics serves Prometheus, to this machine and to whoever may view. With a
// public URL a proxy stands in front, which may be on this machine and say nothing
// of itself: then nobody is let in for where they come from.
func (s *Server) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&gauges{server: s},
	)
	serve := promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.PublicURL != "" || !fromHere(r) {
			if err := callerOf(r.Context()).may(s.project, account.View); err != nil {
				s.refuse(r.Context(), w, "metrics", err)
				return
			}
		}
		serve.ServeHTTP(w, r)
	})
}

// fromHere tells that a request comes from this machine and was not passed on by
// a proxy on it.
func fromHere(r *http.Request) bool {
	for _, passed := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(passed) != "" {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback()
}

// gauges collects what the rooms count.
type gauges struct{ server *Server }

var (
	buildDesc    = prometheus.NewDesc("roost_build_info", "Always 1; says which version runs.", []string{"version"}, nil)
	thingsDesc   = prometheus.NewDesc("roost_things", "Things by state.", []string{"state"}, nil)
	readingsDesc = prometheus.NewDesc("roost_readings_total", "Readings since the start, by what became of them.", []string{"outcome"}, nil)
	pendingDesc  = prometheus.NewDesc("roost_readings_pending", "Readings that wait to be written.", nil, nil)
	gatewaysDesc = prometheus.NewDesc("roost_gateways", "Far gateways that are connected.", nil, nil)
	clientsDesc  = prometheus.NewDesc("roost_mqtt_connections", "Clients that are connected, by door.", []string{"door"}, nil)
	sessionsDesc = prometheus.NewDesc("roost_mqtt_sessions", "Sessions, of clients that are away too, by door.", []string{"door"}, nil)
	queuedDesc   = prometheus.NewDesc("roost_mqtt_queued", "Messages that wait for their receiver, by door.", []string{"door"}, nil)
	messagesDesc = prometheus.NewDesc("roost_mqtt_messages_total", "Messages since the start, by door and what became of them.", []string{"door", "outcome"}, nil)
	watchersDesc = prometheus.NewDesc("roost_live_watchers", "Open live streams.", nil, nil)
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildDesc, thingsDesc, readingsDesc, pendingDesc, watchersDesc,
		gatewaysDesc, clientsDesc, sessionsDesc, queuedDesc, messagesDesc,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	s := g.server
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	things, readings := s.Registry.Count(s.project), s.Telemetry.Stats()
	gauge(buildDesc, 1, s.Version)
	gauge(thingsDesc, float64(things.Online), "online")
	gauge(thingsDesc, float64(things.Total-things.Online), "offline")
	gauge(thingsDesc, float64(things.Waiting), "waiting")
	for outcome, n := range map[string]uint64{"recorded": readings.Recorded, "refused": readings.Refused, "clamped": readings.Clamped, "dropped": readings.Dropped} {
		to <- prometheus.MustNewConstMetric(readingsDesc, prometheus.CounterValue, float64(n), outcome)
	}
	gauge(pendingDesc, float64(readings.Pending))
	gauge(watchersDesc, float64(s.hub.count()))
	gauge(gatewaysDesc, float64(s.gatewaysHere()))
	if s.System == nil {
		return
	}
	told := s.System(context.Background())
	for door, m := range map[string]*MQTTFigures{"mqtt": told.MQTT, "mqttsn": told.MQTTSN} {
		if m == nil {
			continue
		}
		gauge(clientsDesc, float64(m.Connections), door)
		gauge(sessionsDesc, float64(m.Sessions), door)
		gauge(queuedDesc, float64(m.Queued), door)
		for outcome, n := range map[string]uint64{"received": m.Received, "sent": m.Sent, "dropped": m.Dropped} {
			to <- prometheus.MustNewConstMetric(messagesDesc, prometheus.CounterValue, float64(n), door, outcome)
		}
	}
}
