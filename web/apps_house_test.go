package web

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/release"
)

// openReleases opens the room of apps over the house's store.
func (h *house) openReleases(log *slog.Logger) {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var err error
	h.releases, err = release.Open(ctx, release.Config{
		Store: h.Store, Feed: h.Feed, Compiler: compiler{}, Shelf: filepath.Join(h.t.TempDir(), "shelf"), Log: log,
	})
	if err != nil {
		stop()
		h.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { h.releases.Run(ctx) })
	h.t.Cleanup(func() { stop(); running.Wait() })
}

// compiler knows one fault: a line that says so.
type compiler struct{}

func (compiler) Check(_ context.Context, name string, source []byte) ([]release.Problem, error) {
	for i, line := range bytes.Split(source, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("def broken(")) {
			return []release.Problem{{File: name, Line: i + 1, Column: 12, Text: "SyntaxError: invalid syntax", Severity: release.Fault}}, nil
		}
	}
	return nil, nil
}

// pythingsDoor is a door that takes every key.
type pythingsDoor struct {
	mu   sync.Mutex
	keys []PythingsKey
}

func (d *pythingsDoor) State() PythingsState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return PythingsState{
		Modulus: big.NewInt(12345678901234567), TLS: true,
		Keys:    append([]PythingsKey{{Bits: 1024}}, d.keys...),
		Notices: []PythingsNotice{{At: time.UnixMilli(1764000000000), Remote: "192.0.2.9:1234", Text: "Its key is not known."}},
	}
}

func (d *pythingsDoor) ImportKey(name string, pem []byte) error {
	if !bytes.Contains(pem, []byte("PRIVATE KEY")) {
		return roost.Errorf(roost.Invalid, "This is no private key.")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys = append(d.keys, PythingsKey{Name: name, Bits: 1022, Imported: true})
	return nil
}

func (d *pythingsDoor) RemoveKey(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.keys, func(k PythingsKey) bool { return k.Name == name })
	if i < 0 {
		return roost.Errorf(roost.NotFound, "No imported key is called %q.", name)
	}
	d.keys = slices.Delete(d.keys, i, i+1)
	return nil
}

// app makes an app and gives its id.
func (b *browser) app(name string) string {
	b.t.Helper()
	return b.want(201, "POST", "/apps", map[string]any{"name": name})["id"].(string)
}

// device lets a PythingsOS device arrive and register: by an account id if g names no app.
func (h *house) device(tid string, g release.Registration) *link {
	h.t.Helper()
	l := newLink()
	_, err := h.Switchboard.Arrive(h.t.Context(), gateway.Arrival{
		Identity: roost.Identity{Door: "pythings", Own: tid}, Protocol: roost.PythingsOS, Address: "192.0.2.8:40000", Link: l, Trusted: true,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	g.Ref, g.ByAccount = h.server.ref(tid), g.App == ""
	g.Platform, g.OS, g.Address = "Python", "v1.1.0", "192.0.2.8:40000"
	if g.Version == "" {
		g.Version = "0"
	}
	if _, err := h.releases.Register(h.t.Context(), g); err != nil {
		h.t.Fatal(err)
	}
	return l
}

// zipped makes an archive: names and texts by turns.
func zipped(files ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for pair := range slices.Chunk(files, 2) {
		w, err := z.Create(pair[0])
		if err == nil {
			_, err = w.Write([]byte(pair[1]))
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// osRelease is a release of PythingsOS for one platform.
func osRelease(version string) string {
	text := "version='" + version + "'"
	return zipped(
		"Python/api.py", "pass\n", "Python/version.py", text,
		"Python/files.txt", fmt.Sprintf("file:5:api.py\nfile:%d:version.py\n", len(text)),
	)
}

const (
	goodWorker = "class Worker_Task:\n    def call(self):\n        return {'n': 1}\n"
	goodManage = "class Management_Task:\n    def call(self, data):\n        return data\n"
)
