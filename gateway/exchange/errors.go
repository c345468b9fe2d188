package exchange

import "errors"

// What a client's call can end in besides an answer and its context's error.
var (
	ErrTimeout  = errors.New("no answer from the remote")
	ErrReset    = errors.New("the remote reset the message")
	ErrTooLarge = errors.New("body longer than this endpoint takes")
	ErrBusy     = errors.New("too many requests wait for the remote")
	ErrOption   = errors.New("response with a critical option that is not understood")
	ErrBlock    = errors.New("block-wise transfer went wrong")
	ErrClosed   = errors.New("endpoint closed")

	// ErrNotObservable ends Observe when the resource exists but can not be
	// observed, or answers with an error.
	ErrNotObservable = errors.New("resource can not be observed")

	// errNoBatch: datagrams are read one by one here.
	errNoBatch = errors.New("no call for many datagrams at once")
)
