package micropython

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// updater keeps two slots, /a and /b, and a file that says which one runs. What
// the newest version is, and its files, _host tells. It prints which version
// runs, with a check of all its files, and updates until it runs the newest.
const updater = `
import _host, hashlib, json, os, machine
from binascii import hexlify

def read(name):
    with open(name, 'rb') as f: return f.read()

def write(name, data):
    with open(name, 'wb') as f: f.write(data)

def digest(data): return hexlify(hashlib.sha256(data).digest()).decode()

def version(slot):
    m = json.loads(read(slot + '/manifest'))
    for name, d in m['files'].items():
        if digest(read(slot + '/' + name)) != d: raise ValueError(name)
    names = sorted(os.listdir(slot)); names.remove('manifest')
    if names != sorted(m['files']): raise ValueError(names)
    return m['version']

run = read('/run').decode()
print('runs', version(run))

if version(run) != _host.newest():
    to = '/b' if run == '/a' else '/a'
    try: os.mkdir(to)
    except OSError: pass
    m = json.loads(_host.manifest())
    for name in os.listdir(to):
        if name not in m['files']: os.remove(to + '/' + name)
    for name, d in m['files'].items():
        try: there = digest(read(to + '/' + name)) == d
        except OSError: there = False
        if not there: write(to + '/' + name, _host.fetch(name).encode())
    write(to + '/manifest', _host.manifest().encode())
    version(to)
    write('/run.new', to.encode())
    os.rename('/run.new', '/run')
    machine.reset()
`

func TestHundredPowerCutsLeaveABoardThatBootsAWholeVersion(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	newest := 1
	files := func(version int) []string {
		var names []string
		for i := range 13 + version {
			names = append(names, fmt.Sprintf("m%d_%d.py", i, version*(i%2))) // half of them change names
		}
		return names
	}
	content := func(name string) string { return strings.Repeat(fmt.Sprintf("# %s of %d\n", name, newest), 40) }
	host := map[string]Func{
		"newest": func(context.Context, []any) (any, error) { return newest, nil },
		"fetch": func(_ context.Context, args []any) (any, error) {
			name, _ := args[0].(string)
			return content(name), nil
		},
		"manifest": func(context.Context, []any) (any, error) {
			m := fmt.Sprintf(`{"version": %d, "files": {`, newest)
			for i, name := range files(newest) {
				m += fmt.Sprintf(`%s"%s": "%x"`, strings.Repeat(", ", min(i, 1)), name, sha256.Sum256([]byte(content(name))))
			}
			return m + "}}", nil
		},
	}
	boot := func(flash *Flash) (printed []string, err error) {
		var out strings.Builder
		b, err := NewBoard(BoardConfig{Flash: flash, Host: host, Print: func(text string) { out.WriteString(text) }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
		defer cancel()
		err = b.Run(ctx)
		return strings.Split(strings.TrimSpace(out.String()), "\n"), err
	}

	flash := NewFlash(map[string]string{"/main.py": updater, "/run": "/a", "/a/manifest": `{"version": 0, "files": {}}`})
	if printed, err := boot(flash); err != nil || !slices.Equal(printed, []string{"runs 0", "runs 1"}) {
		t.Fatalf("%q, %v", printed, err)
	}
	newest = 2
	whole := flash.Copy()
	if printed, err := boot(whole); err != nil || !slices.Equal(printed, []string{"runs 1", "runs 2"}) {
		t.Fatalf("%q, %v", printed, err)
	}
	cuts, older := 0, 0
	began := time.Now()
	for _, how := range []Cut{CutBefore, CutAfter, CutTorn} {
		for n := 1; n <= whole.Changes(); n++ {
			cut := flash.Copy()
			cut.Cut(n, how)
			if printed, err := boot(cut); !errors.Is(err, ErrPowerCut) || printed[0] != "runs 1" {
				t.Fatalf("cut %d.%d: %q, %v", how, n, printed, err)
			}
			printed, err := boot(cut)
			switch {
			case err != nil || printed[len(printed)-1] != "runs 2":
				t.Errorf("after cut %d.%d: %q, %v", how, n, printed, err)
			case printed[0] == "runs 1":
				older++
			}
			cuts++
		}
	}
	t.Logf("%d cuts in %v, %d of them left the older version, 0 neither", cuts, time.Since(began), older)
	if cuts < 100 || older == cuts || older == 0 {
		t.Errorf("%d cuts, %d left the older version", cuts, older)
	}
}

func TestTornWritesLeaveHalf(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	for how, want := range map[Cut]string{CutBefore: "", CutAfter: "12345678", CutTorn: "1234"} {
		flash := NewFlash(map[string]string{"/main.py": "with open('/x', 'w') as f: f.write('12345678')\nopen('/y', 'w').close()"})
		flash.Cut(2, how) // the first change makes the file
		b, err := NewBoard(BoardConfig{Flash: flash})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Run(t.Context()); !errors.Is(err, ErrPowerCut) {
			t.Errorf("%d: %v", how, err)
		}
		if got, ok := flash.ReadFile("/x"); string(got) != want || !ok {
			t.Errorf("%d left %q, %v", how, got, ok)
		}
		if err := b.Run(t.Context()); err != nil {
			t.Errorf("%d, on again: %v", how, err)
		}
		if _, ok := flash.ReadFile("/y"); !ok || flash.Changes() < 4 {
			t.Errorf("%d: it did not go on", how)
		}
	}
}

func TestSmallFlashIsFull(t *testing.T) {
	need(t)
	flash := NewFlash(nil)
	flash.Size = 64 << 10
	got := ran(t, BoardConfig{Flash: flash}, `
import os
print(os.statvfs('/')[:5])
f, n = open('/big', 'wb'), 0
try:
    while True: n += f.write(bytes(1000))
except OSError as e: print(e.errno, n)
f.close()
print(os.statvfs('/')[3])
try: open('/other', 'w').close()
except OSError as e: print(e.errno)
os.remove('/big')
with open('/other', 'w') as f: f.write('fits')
print(open('/other').read(), os.statvfs('/')[3])
`)
	if want := "(4096, 4096, 16, 14, 14)\n28 57000\n0\n28\nfits 13\n"; got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
}
