// Package agent is the line between Roost and its own runtime, bytes to values and back,
// both ends of it: keys, sealed frames, the texts of releases, and the JSON inside. It
// opens no socket. docs/protocols/agent.md is what it implements.
package agent
