package roost

import (
	"errors"
	"fmt"
)

// ErrorKind is what a door maps to its protocol: HTTP status, CoAP code, MQTT 5 reason.
type ErrorKind uint8

// Internal is the kind of every error that is not an *Error.
const (
	Internal ErrorKind = iota
	Invalid
	NotFound
	Conflict
	Denied       // who you are is known, but you may not
	Unauthorized // who you are is not known
	Unavailable  // try again later
	TooLarge
	TooMany // slow down
)

// Error carries a sentence fit for people and a cause for the log.
type Error struct {
	Kind    ErrorKind
	Message string
	Cause   error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error of kind k whose message is meant for people.
func Errorf(k ErrorKind, format string, args ...any) error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Because adds the cause that the log shall show. A cause that speaks to people
// itself ("The disk is full.") is given as it is.
func Because(k ErrorKind, cause error, format string, args ...any) error {
	if told, ok := errors.AsType[*Error](cause); ok {
		return told
	}
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf gives the kind of err, Internal when it has none.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Message gives the sentence of err that people may see.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return "Something inside Roost failed; its log says what."
}
