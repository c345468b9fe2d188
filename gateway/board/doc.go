// Package board is the door for boards of the board platform: they ask for their files at
// each boot, register, and send heartbeats. What they shall have is an app, which lies in
// a directory as well, with a board's own hotfixes over it. docs/protocols/board.md says
// what is on the wire.
package board
