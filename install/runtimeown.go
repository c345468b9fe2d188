package install

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// mostNetworks is how many the runtime keeps.
const mostNetworks = 3

// ownFiles are those of this board alone: what is given, over what it has.
func (b *Board) ownFiles(ctx context.Context, r Runtime) (Files, error) {
	now, err := b.Runtime(ctx)
	if err != nil {
		return nil, err
	}
	files := Files{}
	if r.ID != "" {
		if err := files.json("_s/key", map[string]string{"id": r.ID, "key": r.Key}); err != nil {
			return nil, err
		}
	}
	if r.APPassword != "" {
		files["_s/ap"] = []byte(r.APPassword + "\n")
	}
	if r.Owner != "" {
		files["_s/owner"] = []byte(r.Owner + "\n")
	}
	if r.Profile != "" {
		files["_s/profile"] = []byte(r.Profile + "\n")
	}
	if len(r.Settings) > 0 {
		if err := files.json("settings.json", over(now.Settings, r.Settings)); err != nil {
			return nil, err
		}
	}
	if r.Network != nil {
		if err := r.Network.Check(); err != nil {
			return nil, err
		}
		if err := files.json("wifi.json", first(*r.Network, now.Networks)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// json puts v there as JSON.
func (f Files) json(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f[name] = raw
	return nil
}

// over is settings with changes; null takes one away.
func over(settings, changes map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, settings)
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}

// first puts a network before the others, once.
func first(n Network, others []Network) []Network {
	others = slices.DeleteFunc(slices.Clone(others), func(o Network) bool { return o.SSID == n.SSID })
	all := append([]Network{n}, others...)
	return all[:min(len(all), mostNetworks)]
}

// ConfigureRuntime changes what a board with the runtime has of its own: settings and
// networks. The runtime itself stays.
func (b *Board) ConfigureRuntime(ctx context.Context, r Runtime) error {
	files, err := b.ownFiles(ctx, r)
	if err != nil {
		return err
	}
	for _, name := range files.Order() {
		if err := b.WriteFile(ctx, name, files[name], nil); err != nil {
			return err
		}
	}
	return nil
}
