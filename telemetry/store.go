package telemetry

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Store is what the room wants of a store. store/sqlite has it; numbers are kept by
// store/series in the same file.
type Store interface {
	SeriesStore
	MessageStore
	LogStore
}

// SeriesStore names series and keeps text readings.
type SeriesStore interface {
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

// MessageStore keeps what worker tasks sent.
type MessageStore interface {
	// SaveMessages keeps messages by their ids; those that are there stay as they are.
	SaveMessages(ctx context.Context, batch []roost.WorkerMessage) error
	// LastMessage is the highest id that a message ever had, 0 if there was none.
	LastMessage(ctx context.Context) (int64, error)
	// Messages gives those of one thing that q asks for.
	Messages(ctx context.Context, ref roost.Ref, q roost.MessageQuery) ([]roost.WorkerMessage, error)
	// CountMessages counts those of a project.
	CountMessages(ctx context.Context, project roost.ProjectID) (int64, error)
	// TrimMessages deletes all messages of a thing but the newest keep of them.
	TrimMessages(ctx context.Context, ref roost.Ref, keep int) error
	// DropMessages deletes all messages of a thing.
	DropMessages(ctx context.Context, ref roost.Ref) error
}

// LogStore keeps the logs of things.
type LogStore interface {
	// SaveLines keeps lines by their ids; those that are there stay as they are.
	SaveLines(ctx context.Context, batch []roost.LogLine) error
	// LastLine is the highest id that a line ever had, 0 if there was none.
	LastLine(ctx context.Context) (int64, error)
	// Lines gives the log of a thing with ids under before (0: from the newest), newest first.
	Lines(ctx context.Context, ref roost.Ref, before int64, limit int) ([]roost.LogLine, error)
	// TrimLines deletes the log of a thing but its newest keep lines.
	TrimLines(ctx context.Context, ref roost.Ref, keep int) error
	// DropLines deletes the log of a thing.
	DropLines(ctx context.Context, ref roost.Ref) error
}
