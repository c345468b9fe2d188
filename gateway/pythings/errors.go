package pythings

import (
	"errors"
	"net/http"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

var (
	// errVanished: the device went before its request was whole.
	errVanished = errors.New("the device went before its request was whole")
	errMethod   = errors.New("this call is made by POST")
	// errInClear and errHidden: the session has the other mode.
	errInClear = errors.New("this session is encrypted; nothing is taken in clear")
	errHidden  = errors.New("this session is not encrypted; preregister first")
)

// malformed tells errors that are answered in clear even in encrypted sessions: it is
// not sure that who made the call has the key.
func malformed(err error) bool {
	for _, kind := range []error{wire.ErrRequest, wire.ErrCut, wire.ErrDamaged, errInClear, errHidden, errMethod} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// statusOf gives what a device is told. All devices act alike on whatever is not 200;
// the numbers are those of Pythings where it has one for the case.
func statusOf(err error) (status int, text string) {
	switch {
	case errors.Is(err, errMethod):
		return http.StatusMethodNotAllowed, err.Error()
	case malformed(err):
		return http.StatusBadRequest, err.Error()
	}
	switch roost.KindOf(err) {
	case roost.Invalid:
		status = http.StatusBadRequest
	case roost.Unauthorized, roost.Denied, roost.TooMany:
		status = http.StatusUnauthorized
	case roost.NotFound:
		status = http.StatusNotFound
	case roost.Conflict:
		status = http.StatusConflict
	case roost.TooLarge:
		status = http.StatusRequestEntityTooLarge
	case roost.Unavailable:
		status = http.StatusServiceUnavailable
	default:
		status = http.StatusInternalServerError
	}
	return status, roost.Message(err)
}
