// Package device holds the runtime that Roost puts on boards and Linux things,
// as Python source. docs/device.md describes it.
package device

import (
	"context"
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/roost-iot/roost/wire/romfs"
)

//go:embed *.py rt/*.py python
var source embed.FS

// Profiles are the sets of files there are: lean for an ESP8266, full for other
// boards, python for CPython on Linux.
var Profiles = []string{"lean", "full", "python"}

// without names the modules of rt that a profile does not carry.
var without = map[string][]string{
	"lean":   {"aes", "pc", "micro", "web", "serve", "pages", "logs", "push", "node", "coap", "mqtt", "ws"},
	"full":   {"aes", "pc", "micro"},
	"python": {"setup", "portal", "page", "dns", "air", "cmd", "want", "led"},
}

// Version is the runtime's version, as boards report it.
func Version() string {
	text, _ := source.ReadFile("rt/__init__.py")
	m := regexp.MustCompile(`VERSION = "([^"]+)"`).FindSubmatch(text)
	if m == nil {
		return "0"
	}
	return string(m[1])
}

// Files gives the files of a profile by their paths on the board.
func Files(profile string) (map[string]string, error) {
	if !slices.Contains(Profiles, profile) {
		return nil, fmt.Errorf("no runtime of profile %q: there are %s", profile, strings.Join(Profiles, ", "))
	}
	files := map[string]string{}
	for _, from := range []string{".", "rt", "python"} {
		entries, err := source.ReadDir(from)
		if err != nil {
			return nil, fmt.Errorf("list the runtime: %w", err)
		}
		for _, e := range entries {
			to, ok := place(profile, from, e.Name())
			if e.IsDir() || !ok {
				continue
			}
			text, err := source.ReadFile(path.Join(from, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("read the runtime: %w", err)
			}
			files[to] = string(text)
		}
	}
	return files, nil
}

// place is where a file lies on a board of a profile, false if it does not.
func place(profile, from, name string) (to string, ok bool) {
	switch {
	case from == "rt":
		return "_f/rt/" + name, !slices.Contains(without[profile], strings.TrimSuffix(name, ".py"))
	case from == "python":
		return name, profile == "python"
	case name == "boot.py" || name == "main.py":
		return name, true
	}
	return "_f/" + name, true
}

// Compiled gives the same with .mpy files for all below _f. What boots a board
// stays source, so that any MicroPython can read it.
func Compiled(ctx context.Context, profile string, compile func(ctx context.Context, name string, src []byte) ([]byte, error)) (map[string][]byte, error) {
	files, err := Files(profile)
	if err != nil {
		return nil, err
	}
	compiled := make(map[string][]byte, len(files))
	for name, text := range files {
		if !strings.HasPrefix(name, "_f/") {
			compiled[name] = []byte(text)
			continue
		}
		mpy, err := compile(ctx, strings.TrimPrefix(name, "_f/"), []byte(text))
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", name, err)
		}
		compiled[strings.TrimSuffix(name, ".py")+".mpy"] = mpy
	}
	return compiled, nil
}

// ROM is the lean profile as a ROMFS image, for a board that has a partition for it: what
// lies below _f otherwise, compiled. boot.py and main.py are files of the flash there, too.
func ROM(ctx context.Context, compile func(ctx context.Context, name string, src []byte) ([]byte, error)) ([]byte, error) {
	files, err := Compiled(ctx, "lean", compile)
	if err != nil {
		return nil, err
	}
	inside := map[string][]byte{}
	for name, b := range files {
		if name, ok := strings.CutPrefix(name, "_f/"); ok {
			inside[name] = b
		}
	}
	image, err := romfs.Image(inside)
	if err != nil {
		return nil, fmt.Errorf("pack the runtime: %w", err)
	}
	return image, nil
}
