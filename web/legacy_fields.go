package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/roost-iot/roost"
)

// maxLegacyBody is the longest request in bytes: a file of an app in JSON, all escaped.
const maxLegacyBody = 2 << 20

// legacyFields are the fields of a request by name: the members of a JSON object, or
// the texts of a form.
type legacyFields map[string]roost.Value

// readFields reads the body of a request as its type says; without one, by its looks.
func readFields(w http.ResponseWriter, r *http.Request) (legacyFields, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLegacyBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, refusal(http.StatusRequestEntityTooLarge, "The request is larger than 2 MiB.")
	}
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "The request did not come to its end.")
	}
	return parseFields(r.Header.Get("Content-Type"), body)
}

func parseFields(contentType string, body []byte) (legacyFields, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if contentType == "" {
		kind = "application/x-www-form-urlencoded"
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
			kind = "application/json"
		}
	} else if err != nil {
		kind = contentType
	}
	switch {
	case len(body) == 0:
		return legacyFields{}, nil
	case kind == "application/json":
		return jsonFields(body)
	case kind == "application/x-www-form-urlencoded":
		values, _ := url.ParseQuery(string(body)) // what is malformed is left out
		return formFields(values), nil
	case kind == "multipart/form-data":
		return partFields(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
	}
	return nil, refusal(http.StatusUnsupportedMediaType, `Unsupported media type "`+kind+`" in request.`)
}

func jsonFields(body []byte) (legacyFields, error) {
	var fields legacyFields
	if err := json.Unmarshal(body, &fields); err != nil {
		why := err.Error()
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			why = "an object is expected"
		}
		return nil, refusal(http.StatusBadRequest, "JSON parse error - "+why)
	}
	return fields, nil
}

// formFields takes the last of fields that are there twice.
func formFields(values url.Values) legacyFields {
	fields := make(legacyFields, len(values))
	for name, texts := range values {
		fields[name] = roost.Text(texts[len(texts)-1])
	}
	return fields
}

// partFields takes files too: they are fields of their content.
func partFields(parts *multipart.Reader) (legacyFields, error) {
	fields := legacyFields{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, refusal(http.StatusBadRequest, "Multipart form parse error - "+err.Error())
		}
		content, err := io.ReadAll(part) // of a body that is bounded
		if err != nil {
			return nil, refusal(http.StatusBadRequest, "Multipart form parse error - "+err.Error())
		}
		fields[part.FormName()] = roost.Text(string(content))
	}
}

// text gives a field as text: a number or boolean as it was written, "" for what is
// not there, null, or a list or object.
func (f legacyFields) text(name string) string {
	switch v := roost.Value(strings.TrimSpace(string(f[name]))); {
	case v == "" || v == "null" || v[0] == '{' || v[0] == '[':
		return ""
	default:
		return v.AsText()
	}
}

// value gives a field as JSON without its spaces, "" for what is not there.
func (f legacyFields) value(name string) roost.Value {
	var b bytes.Buffer
	if f[name] == "" || json.Compact(&b, []byte(f[name])) != nil {
		return ""
	}
	return roost.Value(b.String())
}
