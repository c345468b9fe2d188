package web

import (
	"bytes"
	"encoding/json"
	"maps"
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
	for _, name := range fieldOrder(s) {
		f := s.Properties[name]
		fields = append(fields, docField{Name: name, Type: typeOf(oapi, f), Doc: f.Description, Required: slices.Contains(s.Required, name)})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(exampleOf(oapi, s)) != nil {
		return fields, ""
	}
	return fields, b.String()
}

// fieldOrder gives required fields first, by name.
func fieldOrder(s *huma.Schema) []string {
	names := slices.Sorted(maps.Keys(s.Properties))
	slices.SortStableFunc(names, func(a, b string) int {
		return bit(slices.Contains(s.Required, b)) - bit(slices.Contains(s.Required, a))
	})
	return names
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exampleOf makes a value that fits a schema.
func exampleOf(oapi *huma.OpenAPI, s *huma.Schema) any {
	s = resolve(oapi, s)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	switch s.Type {
	case huma.TypeObject:
		m := map[string]any{}
		for name, f := range s.Properties {
			m[name] = exampleOf(oapi, f)
		}
		return m
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
