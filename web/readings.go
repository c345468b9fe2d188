package web

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/store/series"
)

// Readings is what one resource said in a span of time.
type Readings struct {
	Resource string        `json:"resource" example:"temperature"`
	Unit     string        `json:"unit" example:"°C" doc:"Of the newest value; empty if it has none."`
	From     int64         `json:"from" example:"1764000000000"`
	To       int64         `json:"to" example:"1764003600000"`
	Numbers  []NumberPoint `json:"numbers" nullable:"false"`
	Texts    []TextPoint   `json:"texts" nullable:"false"`
}

// NumberPoint is what the numbers of one short span come down to.
type NumberPoint struct {
	T    int64   `json:"t" example:"1764000000000" doc:"Where the span begins; the reading's own time when n is 1."`
	Min  float64 `json:"min" example:"23.9"`
	Max  float64 `json:"max" example:"24.3"`
	Mean float64 `json:"mean" example:"24.1"`
	Last float64 `json:"last" example:"24.2"`
	N    int     `json:"n" example:"12" doc:"How many readings."`
}

// TextPoint is one reading that is no number.
type TextPoint struct {
	T     int64   `json:"t" example:"1764000000000"`
	Value anyJSON `json:"value"`
}

type readingsQuery struct {
	ThingPath
	Resource string `query:"resource" required:"true" maxLength:"200" example:"temperature"`
	From     int64  `query:"from" minimum:"0" maximum:"253402300799999" example:"1764000000000" doc:"Unix ms; a day before the end if left out."`
	To       int64  `query:"to" minimum:"0" maximum:"253402300799999" example:"1764003600000" doc:"Unix ms, without it; now if left out."`
	Points   int    `query:"points" minimum:"1" maximum:"5000" default:"300" doc:"At most so many buckets."`
}

func (s *Server) listReadings(ctx context.Context, in *readingsQuery) (*struct{ Body Readings }, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	if in.To == 0 {
		in.To = time.Now().UnixMilli() + 1
	}
	if in.From == 0 {
		in.From = max(0, in.To-(24*time.Hour).Milliseconds())
	}
	if in.From >= in.To {
		return nil, roost.Errorf(roost.Invalid, "The span must begin before it ends: from %d to %d.", in.From, in.To)
	}
	h, err := s.Telemetry.History(ctx, t.thing.Ref, in.Resource, time.UnixMilli(in.From), time.UnixMilli(in.To), in.Points)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Readings }{Readings{
		Resource: in.Resource, Unit: unitOf(t.resources, in.Resource), From: in.From, To: in.To,
		Numbers: numberPoints(h.Numbers), Texts: textPoints(h.Texts),
	}}, nil
}

func unitOf(rs []roost.Resource, name string) string {
	for i := range rs {
		if rs[i].Name == name {
			_, unit, _ := rs[i].Value.Measure()
			return unit
		}
	}
	return ""
}

func numberPoints(buckets []series.Bucket) []NumberPoint {
	points := make([]NumberPoint, len(buckets))
	for i, b := range buckets {
		points[i] = NumberPoint{T: b.Start, Min: b.Min, Max: b.Max, Mean: b.Sum / float64(b.Count), Last: b.Last, N: b.Count}
		if b.Count == 1 {
			points[i].T = b.LastTime
		}
	}
	return points
}

func textPoints(texts []roost.TextReading) []TextPoint {
	points := make([]TextPoint, len(texts))
	for i, t := range texts {
		points[i] = TextPoint{T: ms(t.At), Value: anyJSON(t.Value)}
	}
	return points
}
