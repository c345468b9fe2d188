//go:build !linux

package bench

import (
	"context"
	"errors"
	"time"
)

const canPoll = false

type socket int

func (s socket) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (s socket) read([]byte) (int, error) { return 0, errors.ErrUnsupported }

func poll[C any](context.Context, []C, time.Duration, func(int, socket) error, func(int) error, func() error) error {
	return errors.ErrUnsupported
}
