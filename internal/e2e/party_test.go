package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// party is a program of somebody else that prints what happens to it, a line each.
type party struct {
	t     testing.TB
	name  string
	input io.WriteCloser
	end   context.CancelFunc
	done  chan struct{}

	mu    sync.Mutex
	lines []string
	used  int // lines that await has gone past
	fault screen
}

// join starts a party. It ends with the test.
func join(t testing.TB, env []string, program string, args ...string) *party {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	p := &party{t: t, name: program, end: end, done: make(chan struct{})}
	cmd.Stderr = &p.fault
	out, err := cmd.StdoutPipe()
	if err == nil {
		p.input, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		end()
		t.Fatalf("start %s: %v", program, err)
	}
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			p.mu.Unlock()
		}
		_ = cmd.Wait() // killed at the latest by the end of the test
	}()
	t.Cleanup(func() { p.leave() })
	return p
}

// leave ends a party at once.
func (p *party) leave() {
	p.end()
	<-p.done
}

// finish closes its standard input and waits until it has ended by itself.
func (p *party) finish() {
	p.t.Helper()
	_ = p.input.Close()
	eventually(p.t, p.name+" ends", func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
}

// tell gives the party a line.
func (p *party) tell(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.input, format+"\n", args...); err != nil {
		p.t.Fatalf("%s takes no more: %v\n%s", p.name, err, &p.fault)
	}
}

// all gives every line so far.
func (p *party) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines...)
}

// printed tells whether there is a line that begins so.
func (p *party) printed(prefix string) bool {
	return slices.ContainsFunc(p.all(), func(line string) bool { return strings.HasPrefix(line, prefix) })
}

// await waits for a line that begins so, after those awaited before, and gives it.
func (p *party) await(prefix string) (line string) {
	p.t.Helper()
	found := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := p.used; i < len(p.lines); i++ {
			if strings.HasPrefix(p.lines[i], prefix) {
				line, p.used = p.lines[i], i+1
				return true
			}
		}
		return false
	}
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s printed:\n%s\n%s", p.name, strings.Join(p.all(), "\n"), &p.fault)
		}
	}()
	eventually(p.t, p.name+" prints "+prefix, found)
	return line
}

// python gives a Python that has Eclipse paho.
func python(t testing.TB) string {
	t.Helper()
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(path, "-c", "import paho.mqtt.client").Run() == nil {
			return path
		}
	}
	if os.Getenv("ROOST_NEED_PEERS") == "1" {
		t.Fatal("paho is not installed (Debian: python3-paho-mqtt)")
	}
	t.Skip("skipped: paho is not installed (Debian: python3-paho-mqtt)")
	return ""
}
