package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/roost-iot/roost"
)

// filter is which events a watcher wants.
type filter struct {
	project roost.ProjectID
	things  map[roost.ThingID]struct{} // nil: all
	kinds   uint                       // a bit each
}

func (f *filter) passes(e *roost.Event) bool {
	if f.kinds>>e.Kind&1 == 0 || e.Ref.Project != f.project {
		return false
	}
	if f.things == nil {
		return true
	}
	_, wanted := f.things[e.Ref.Thing]
	return wanted
}

// request is what a watcher may say.
//
//	{"subscribe": {"things": ["id", …]?, "types": ["reading", …]?}, "after": seq?}
type request struct {
	Subscribe *struct {
		Things *[]roost.ThingID `json:"things"`
		Types  *[]string        `json:"types"`
	} `json:"subscribe"`
	After *uint64 `json:"after"`
}

// parseRequest reads one message of a watcher. Its errors are for people.
func parseRequest(message []byte, project roost.ProjectID) (f filter, after *uint64, err error) {
	var q request
	dec := json.NewDecoder(bytes.NewReader(message))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return f, nil, fmt.Errorf("not understood: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return f, nil, errors.New("not understood: one JSON object a message")
	}
	if q.Subscribe == nil {
		return f, nil, errors.New(`not understood: "subscribe" is missing`)
	}
	f = filter{project: project, kinds: ^uint(0)}
	if q.Subscribe.Things != nil {
		f.things = make(map[roost.ThingID]struct{}, len(*q.Subscribe.Things))
		for _, id := range *q.Subscribe.Things {
			f.things[id] = struct{}{}
		}
	}
	if q.Subscribe.Types != nil {
		f.kinds = 0
		for _, name := range *q.Subscribe.Types {
			kind := slices.Index(kindName[:], name)
			if kind < int(roost.Read) {
				return f, nil, fmt.Errorf("there is no type %q", name)
			}
			f.kinds |= 1 << kind
		}
	}
	return f, q.After, nil
}
