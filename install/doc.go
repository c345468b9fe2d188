// Package install puts software onto a board that hangs on a serial line: files
// and settings through MicroPython's raw REPL, and MicroPython itself through
// the loader in the ROM of Espressif's chips.
//
// A Line is the wire. Open gives one on a serial port of this machine, Ports
// says which there are. OpenBoard takes a Line whose board runs MicroPython,
// OpenLoader one whose board can be reset into its ROM loader. Both speak only
// while a call is under way; nothing runs behind the caller's back.
package install
