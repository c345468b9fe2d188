package web

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// resolve gives what a schema refers to.
func resolve(oapi *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref != "" {
		s = oapi.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// typeOf names the type of a field for people.
func typeOf(oapi *huma.OpenAPI, s *huma.Schema) string {
	if s.Ref != "" {
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	}
	switch {
	case len(s.OneOf) > 0:
		return typeOf(oapi, s.OneOf[0]) + " or null"
	case len(s.Enum) > 0:
		words := make([]string, 0, len(s.Enum))
		for _, e := range s.Enum {
			if word, _ := e.(string); word != "" {
				words = append(words, word)
			}
		}
		return strings.Join(words, " | ")
	case s.Type == huma.TypeArray:
		return "list of " + typeOf(oapi, s.Items)
	case s.Type == "":
		return "any JSON"
	case s.Type == huma.TypeInteger && s.Minimum != nil && s.Maximum != nil:
		return "integer, " + bound(*s.Minimum) + " to " + bound(*s.Maximum)
	}
	return s.Type
}

func bound(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// fieldsOf lists the fields of a body, and shows one as an example.
func fieldsOf(oapi *huma.OpenAPI, body *huma.MediaType) (fields []docField, shown string) {
	if body == nil || body.Schema == nil {
		return nil, ""
	}
	s := resolve(oapi, body.Schema)
	for _, name := range fieldOrder(oapi, body.Schema) {
		f := s.Properties[name]
		fields = append(fields, docField{Name: name, Type: typeOf(oapi, f), Doc: f.Description, Required: slices.Contains(s.Required, name)})
	}
	text, err := json.Marshal(exampleOf(oapi, body.Schema))
	var b bytes.Buffer
	if err == nil {
		err = json.Indent(&b, text, "", "  ")
	}
	if err != nil {
		return fields, ""
	}
	return fields, b.String()
}

// fieldOrder gives the fields in the order in which the code has them.
func fieldOrder(oapi *huma.OpenAPI, s *huma.Schema) []string {
	props := resolve(oapi, s).Properties
	var names []string
	if s.Ref != "" {
		t := oapi.Components.Schemas.TypeFromRef(s.Ref)
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if props[name] != nil {
				names = append(names, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// object is an example with its fields in order.
type object struct {
	names  []string
	values []any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, name := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		value, err := marshal(o.values[i])
		if err != nil {
			return nil, err
		}
		b = append(b, value...)
	}
	return append(b, '}'), nil
}

// exampleOf makes a value that fits a schema.
func exampleOf(oapi *huma.OpenAPI, ref *huma.Schema) any {
	s := resolve(oapi, ref)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.OneOf) > 0:
		return exampleOf(oapi, s.OneOf[0])
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		o := object{names: fieldOrder(oapi, ref)}
		for _, name := range o.names {
			o.values = append(o.values, exampleOf(oapi, s.Properties[name]))
		}
		return o
	case huma.TypeArray:
		return []any{exampleOf(oapi, s.Items)}
	case huma.TypeBoolean:
		return true
	case huma.TypeInteger, huma.TypeNumber:
		return 0
	case huma.TypeString:
		return ""
	}
	return 1
}
