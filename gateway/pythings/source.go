package pythings

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// The files of an app that a PythingsOS device downloads. It ignores others.
const (
	workerFile     = "worker_task.py"
	managementFile = "management_task.py"
)

// source is what is remembered of a commit. Commits never change.
type source struct {
	names   []string // as devices are told: those that they download first
	fragile bool     // payload encryption would damage a file that devices download
}

type sourceKey struct {
	project roost.ProjectID
	app     roost.AppID
	commit  string
}

// mostSources bounds what is remembered; all goes when it is reached.
const mostSources = 1024

type sources struct {
	releases *release.Releases

	mu    sync.Mutex
	known map[sourceKey]source
}

// sourceOf gives a commit of the app that a thing has. Error: roost.NotFound.
func (d *Door) sourceOf(ctx context.Context, ref roost.Ref, commit string) (source, error) {
	has, ok := d.cfg.Releases.Software(ref)
	if !ok || has.App == "" {
		return source{}, roost.Errorf(roost.NotFound, "This thing has no app.")
	}
	return d.source.get(ctx, sourceKey{ref.Project, has.App, commit})
}

func (s *sources) get(ctx context.Context, key sourceKey) (source, error) {
	s.mu.Lock()
	src, ok := s.known[key]
	s.mu.Unlock()
	if ok {
		return src, nil
	}
	commit, err := s.releases.Commit(ctx, key.project, key.app, key.commit)
	if err != nil {
		return source{}, err
	}
	for _, f := range commit.Files {
		src.names = append(src.names, f.Name)
	}
	slices.SortStableFunc(src.names, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range src.names {
		if rank(name) == others {
			break
		}
		content, err := s.releases.Content(ctx, key.project, key.app, key.commit, name)
		if err != nil {
			return source{}, err
		}
		src.fragile = src.fragile || !wire.Survives([]byte(content))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= mostSources {
		s.known = map[sourceKey]source{}
	}
	s.known[key] = src
	return src, nil
}

// others is the rank of files that devices do not download.
const others = 2

func rank(name string) int {
	switch name {
	case workerFile:
		return 0
	case managementFile:
		return 1
	}
	return others
}

// What Pythings puts around the files of an app. Code relies on it: it names the
// module logger, and sensors if there is one.
const (
	loggerLine  = "import logger\n"
	sensorLines = "try:\n    import sensors\nexcept ImportError:\n    pass\n\n"
)

func versionLine(commit string) string { return "\nversion='" + commit + "'" }

// compose makes of a file what a device imports.
func compose(name, content, commit string, run roost.Run) string {
	head := loggerLine
	if strings.Contains(name, "worker") {
		head += sensorLines
	}
	if isOld(run.ID) || strings.HasPrefix(run.OS, "v1.0.0-rc") {
		content += oldClass(name, content)
	}
	return head + content + versionLine(commit)
}

// oldClass makes an app of today run on PythingsOS up to 1.0.0-rc3, whose classes have
// other names and take the clock.
func oldClass(name, content string) string {
	switch {
	case name == workerFile && strings.Contains(content, "class WorkerTask") && !strings.Contains(content, "class worker_task"):
		return "\nclass worker_task(WorkerTask):\n    def __init__(self, chronos=None):\n        WorkerTask.__init__(self)\n" +
			"    def call(self, chronos=None):\n        return WorkerTask.call(self)\n"
	case name == managementFile && strings.Contains(content, "class ManagementTask") && !strings.Contains(content, "class management_task"):
		return "\nclass management_task(ManagementTask):\n    def __init__(self, chronos=None):\n        ManagementTask.__init__(self)\n" +
			"    def call(self, chronos=None, data=None):\n        return ManagementTask.call(self, data)\n"
	}
	return ""
}
