package telemetry

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Store names series and keeps text readings. store/sqlite has it; numbers are
// kept by store/series in the same file.
type Store interface {
	// Series gives the number of the series of one resource and makes one at its first use.
	Series(ctx context.Context, ref roost.Ref, resource string) (int64, error)
	// FindSeries is Series without making one; ok is false when there is none.
	FindSeries(ctx context.Context, ref roost.Ref, resource string) (id int64, ok bool, err error)
	// SaveTexts keeps text readings; a second one at the same time of the same series replaces the first.
	SaveTexts(ctx context.Context, batch []roost.TextReading) error
	// Texts gives the text readings of one series from "from" up to and without "to", newest first.
	Texts(ctx context.Context, series int64, from, to time.Time, limit int) ([]roost.TextReading, error)
	// SeriesOf gives the numbers of all series of one thing.
	SeriesOf(ctx context.Context, ref roost.Ref) ([]int64, error)
	// DropSeries forgets all series of one thing with their texts and gives their numbers.
	DropSeries(ctx context.Context, ref roost.Ref) ([]int64, error)
}
