// Package pythings is the door for PythingsOS devices: Pythings' HTTP API, as devices
// of all generations speak it. Each call is one connection with one request. A run of a
// device begins with its registration, which gives it a token; the token is sealed and
// says by itself whose it is, so that a run outlives all that we keep.
// docs/protocols/pythings.md says what a device sends and gets.
package pythings
