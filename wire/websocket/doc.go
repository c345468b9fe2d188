// Package websocket is the server's end of a WebSocket (RFC 6455): the handshake
// over net/http, frames, and messages on a stream that was hijacked. It keeps half
// a kilobyte per idle connection, lets many frames be written in one call, and
// leaves goroutines to its user.
package websocket
