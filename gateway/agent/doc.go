// Package agent is the door for things that run Roost's own runtime: /d/1/, as
// docs/protocols/agent.md says. A thing comes by one call, a sync, for all that there is;
// what is told and taken is decided here by one call of a thing at a time.
package agent
