package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// mosquittoAt finds mosquitto, which Debian puts where only root looks.
func mosquittoAt() (string, error) {
	if path, err := exec.LookPath("mosquitto"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/mosquitto")
}

// unbound is a configuration in which nothing but the load decides: no limits,
// nothing kept, nothing logged, and small packets leave at once.
const unbound = `listener %s %s
user root
allow_anonymous true
persistence false
log_dest none
connection_messages false
sys_interval 0
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
`

// startMosquitto starts mosquitto on a free port of this machine. exec.ErrNotFound:
// it is not installed.
func startMosquitto(ctx context.Context, c Config) (*server, error) {
	binary, err := mosquittoAt()
	if err != nil {
		return nil, err
	}
	at, err := freePort("tcp")
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "roost-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for mosquitto: %w", err)
	}
	file := filepath.Join(dir, "mosquitto.conf")
	err = os.WriteFile(file, fmt.Appendf(nil, unbound, port, host), 0o600)
	var s *server
	if err == nil {
		s, err = launch(ctx, binary, "-c", file)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	s.dir, s.c = dir, c
	s.c.MQTT, s.c.PID, s.c.User, s.c.Password = at, s.cmd.Process.Pid, "", ""
	if err := s.until(ctx, s.c.speaksMQTT); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// speaksMQTT tells that an MQTT broker is there.
func (c Config) speaksMQTT(ctx context.Context) bool {
	conn, err := c.dialMQTT(ctx, "bench-knock", 64)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
