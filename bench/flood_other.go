//go:build !linux

package bench

import (
	"context"
	"errors"
)

const canFlood = false

func (p *posting) flood(context.Context, []*coapEnd) error { return errors.ErrUnsupported }
