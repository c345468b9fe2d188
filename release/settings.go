package release

import (
	"strings"

	"github.com/roost-iot/roost"
)

// Bounds of settings.
const (
	maxInterval     = 31 * 24 * 60 * 60 // seconds
	maxSetupTimeout = 3600              // seconds
	maxBackend      = 100               // characters
)

// checkSettings tells what is wrong with settings, but for App, and spells "Factory" as
// things expect it.
func (r *Releases) checkSettings(s *roost.AppSettings) error {
	if strings.EqualFold(s.OS, roost.Factory) || s.OS == "" {
		s.OS = roost.Factory
	} else if strings.EqualFold(s.OS, roost.Latest) {
		s.OS = roost.Latest // of Roost's own runtime; PythingsOS things keep what they have
	} else if !r.hasRuntime(s.OS) && !r.shelf.has(s.OS) {
		return roost.Errorf(roost.Invalid, "There is no operating system %q on the shelf; add it, or choose %q or %q.", short(s.OS), roost.Factory, roost.Latest)
	}
	if err := checkInterval("management", s.Management); err != nil {
		return err
	}
	if err := checkInterval("worker", s.Worker); err != nil {
		return err
	}
	if s.SetupTimeout < 0 || s.SetupTimeout > maxSetupTimeout {
		return roost.Errorf(roost.Invalid, "The time for set-up is 0 to %d seconds; %d is not.", maxSetupTimeout, s.SetupTimeout)
	}
	return checkBackend(s.Backend)
}

func checkInterval(what string, seconds int) error {
	if seconds < 1 {
		return roost.Errorf(roost.Invalid, "The %s interval is a whole number of seconds, at least 1: a device given %d would restart for ever.", what, seconds)
	}
	if seconds > maxInterval {
		return roost.Errorf(roost.Invalid, "The %s interval is at most 31 days, %d seconds; %d is more.", what, maxInterval, seconds)
	}
	return nil
}

// checkBackend takes host[:port][/prefix], as devices do.
func checkBackend(b string) error {
	switch {
	case len(b) > maxBackend:
		return roost.Errorf(roost.Invalid, "The backend has at most %d characters.", maxBackend)
	case strings.Contains(b, "://"):
		return roost.Errorf(roost.Invalid, "Give the backend as host, host:port or host:port/path, without %q: the setting for TLS says how to speak.", b[:strings.Index(b, "://")+3])
	case strings.ContainsFunc(b, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }):
		return roost.Errorf(roost.Invalid, "The backend is host, host:port or host:port/path, without spaces or letters beyond ASCII.")
	case b != "" && (b[0] == ':' || b[0] == '/'):
		return roost.Errorf(roost.Invalid, "The backend %q has no host.", b)
	}
	return nil
}

func checkKind(k roost.PoolKind) error {
	switch k {
	case roost.Development, roost.Staging, roost.Production:
		return nil
	}
	return roost.Errorf(roost.Invalid, "A pool is for development, staging or production; %q is neither.", short(string(k)))
}
