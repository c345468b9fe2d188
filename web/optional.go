package web

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// patch is a member of a change that may be left out, null or a value.
type patch[T any] struct {
	named bool
	value *T
}

// change makes the change: left out, all stays; null takes the value away.
func (p patch[T]) change(to **T) {
	if p.named {
		*to = p.value
	}
}

// Schema implements huma.SchemaProvider.
func (patch[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return &s
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *patch[T]) UnmarshalJSON(text []byte) error {
	p.named = true
	return json.Unmarshal(text, &p.value)
}

// maybe is an object in a body that may be null.
type maybe[T any] struct{ of *T }

// Schema implements huma.SchemaProvider.
func (maybe[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// MarshalJSON implements json.Marshaler.
func (m maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.of) }
