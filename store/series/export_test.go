package series

import (
	"context"
	"time"
)

// SealAll seals all heads, as if they had been silent for long.
func (d *DB) SealAll(ctx context.Context) error {
	return d.sealSilent(ctx, time.Now().Add(time.Hour))
}
