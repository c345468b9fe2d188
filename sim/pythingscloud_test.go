package sim_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/sim"
)

// cloud is a backend of one device, in clear, whose answers a test can bend.
type cloud struct {
	*pythingsBackend

	mu       sync.Mutex
	settings map[string]any
	message  string            // members that the next management answer has besides settings
	files    map[string]string // of app and OS, by name
	list     string            // of app files
	bent     map[string]string // whole answers by path, or by path and file name
	once     bool              // bent answers are given once
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{
		settings: map[string]any{
			"pythings_version": "factory", "app_version": "1700000000", "management_interval": "3", "worker_interval": "5",
			"battery_operated": false, "setup_timeout": 60, "ssl": false, "payload_encryption": false, "pool": "development",
		},
		files: map[string]string{"worker_task.py": "worker\n", "management_task.py": "management\n"},
		list:  `["README.md","worker_task.py","management_task.py"]`,
		bent:  map[string]string{},
	}
	c.pythingsBackend = startPythingsBackend(t, c.answer)
	return c
}

// bend gives whole answers instead of those that a device expects.
func (c *cloud) bend(path, answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bent[path] = answer
}

func (c *cloud) set(name string, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settings[name] = value
}

func (c *cloud) answer(h heard) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var asked struct {
		List bool   `json:"list"`
		Name string `json:"file_name"`
	}
	_ = json.Unmarshal([]byte(h.body()), &asked)
	path := strings.TrimPrefix(h.path(), "/api/v1")
	for _, key := range []string{path + asked.Name, path} {
		if bent, ok := c.bent[key]; ok && (key != path || !asked.List) {
			if c.once {
				delete(c.bent, key)
			}
			return bent
		}
	}
	switch path {
	case "/things/register/":
		return answerHead + `{"token":"t-1","epoch":1795240653}`
	case "/apps/management/":
		settings, _ := json.Marshal(c.settings)
		defer func() { c.message = "" }()
		return answerHead + `{"settings":` + string(settings) + c.message + `}`
	case "/apps/get/", "/pythings/get/":
		return c.file(path, asked.List, asked.Name)
	}
	return answerHead
}

func (c *cloud) file(path string, list bool, name string) string {
	switch {
	case list && path == "/apps/get/":
		return answerHead + c.list
	case list:
		return answerHead + `{"version.py":"17","api.py":"5","crypto_rsa.py":"9"}`
	}
	content, ok := c.files[name]
	if !ok {
		return "HTTP/1.1 404 Not Found\r\n\r\n\"no such file\""
	}
	return answerHead + content
}

// bodies gives the bodies of all calls of a path so far.
func (c *cloud) bodies(path string) (list []string) {
	for _, h := range c.heard() {
		if h.path() == "/api/v1"+path {
			list = append(list, h.body())
		}
	}
	return list
}

// wantLast holds the newest call of a path against what it must contain.
func (c *cloud) wantLast(t *testing.T, path string, parts ...string) {
	t.Helper()
	bodies := c.bodies(path)
	if len(bodies) == 0 {
		t.Fatalf("no call of %s", path)
	}
	for _, part := range parts {
		if last := bodies[len(bodies)-1]; !strings.Contains(last, part) {
			t.Errorf("%s: %s, want %s in it", path, last, part)
		}
	}
}

// device makes one whose backend is c and for which no time passes.
func (c *cloud) device(change ...func(*sim.PythingsConfig)) *sim.PythingsDevice {
	config := sim.PythingsConfig{TID: "T1", AID: "app", Backend: c.addr, Wait: noWait, Runner: &sensorApp{}}
	for _, f := range change {
		f(&config)
	}
	return sim.NewPythings(config)
}

// newRunning makes a device that has its settings and its app and is in its loop.
func (c *cloud) newRunning(t *testing.T, change ...func(*sim.PythingsConfig)) *sim.PythingsDevice {
	t.Helper()
	d := c.device(change...)
	steps(t, d, "bbB")
	return d
}

// boundBoot boots a device until enough has happened. A device made by cloud.device
// asks its context between two attempts.
func boundBoot(t *testing.T, d *sim.PythingsDevice, enough func() bool) (bool, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return d.Boot(enoughContext{ctx, enough})
}

// enoughContext ends when enough says so.
type enoughContext struct {
	context.Context
	enough func() bool
}

func (c enoughContext) Err() error {
	if c.enough() {
		return context.Canceled
	}
	return c.Context.Err()
}
