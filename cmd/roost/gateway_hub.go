package main

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roost-iot/roost/gateway"
)

// kindFile remembers, in the folder of the gateway, what the hub was.
const kindFile = "hub-kind"

// ask finds out what the hub is: a Roost refuses /relay without a WebSocket, a Pyaiot
// broker does not know it. Without an answer it is what it was, or else a Roost, for
// which what comes meanwhile is kept.
func (s *gatewaySettings) ask(ctx context.Context, log *slog.Logger) string {
	status, err := relayStatus(ctx, s.Hub)
	was := s.remembered()
	switch {
	case err == nil && (status == http.StatusNotFound || status == http.StatusOK):
		if was == hubRoost { // a proxy answers while its Roost is away; for that one, all is kept
			log.Warn("the hub was a Roost and does not answer as one now; --hub-kind pyaiot if that is right", "remote", gateway.Shown(s.Hub), "status", status)
			return hubRoost
		}
		s.remember(hubPyaiot, log)
		return hubPyaiot
	case err == nil && (status == http.StatusBadRequest || status == http.StatusUpgradeRequired):
		s.remember(hubRoost, log)
		return hubRoost
	case err != nil && ctx.Err() == nil:
		log.Warn("the hub does not answer yet", "remote", gateway.Shown(s.Hub), "err", err)
	}
	return cmp.Or(was, hubRoost)
}

// remembered is what this hub was at the last start, "" if it was another or none.
func (s *gatewaySettings) remembered() string {
	text, err := os.ReadFile(filepath.Join(s.Data, kindFile))
	if err != nil {
		return ""
	}
	kind, hub, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if hub != gateway.Shown(s.Hub) {
		return ""
	}
	return kind
}

// remember is a help for the next start only.
func (s *gatewaySettings) remember(kind string, log *slog.Logger) {
	err := os.MkdirAll(s.Data, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.Data, kindFile), []byte(kind+" "+gateway.Shown(s.Hub)+"\n"), 0o600)
	}
	if err != nil {
		log.Debug("kind of the hub not kept", "err", err)
	}
}

// relayStatus asks for /relay without a WebSocket.
func relayStatus(ctx context.Context, hub string) (int, error) {
	address, err := gateway.LineURL(hub, "/relay")
	if err != nil {
		return 0, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	ctx, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
