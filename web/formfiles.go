package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/roost-iot/roost"
)

const (
	formType = "multipart/form-data"

	maxFormFiles = 1 << 20 // bytes of the files of a form, and of what is around them
	mostForms    = 200     // files of a form
)

// formOperation shows in the document that op takes files as a form, too.
func formOperation(op *huma.Operation) {
	file := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{formType: {Schema: &huma.Schema{
		Type: huma.TypeObject, Description: "Files; the names of the fields do not matter, folders of file names are left out.",
		AdditionalProperties: file,
	}}}}
}

// formFiles makes the JSON {"files": …} of a form with files, before anything else reads it.
func (s *Server) formFiles(id string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != formType {
			next(ctx)
			return
		}
		_ = ctx.SetReadDeadline(time.Now().Add(archiveTimeout)) // tests may have none
		files, err := readForm(http.MaxBytesReader(w, r.Body, maxFormFiles), params["boundary"])
		var body []byte
		if err == nil {
			body, err = json.Marshal(map[string]any{"files": files})
		}
		if err != nil {
			s.refuse(ctx.Context(), w, id, err)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		next(ctx)
	}
}

// readForm gives the files of a form by their names without folders. Errors: roost.Invalid,
// roost.TooLarge.
func readForm(r io.Reader, boundary string) (map[string]string, error) {
	files := map[string]string{}
	parts := multipart.NewReader(r, boundary)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, formFault(err)
		}
		raw, err := io.ReadAll(part)
		if err != nil {
			return nil, formFault(err)
		}
		name := flatName(part)
		_, twice := files[name]
		switch {
		case name == "":
			return nil, roost.Errorf(roost.Invalid, "The field %q of the form is no file.", part.FormName())
		case twice:
			return nil, roost.Errorf(roost.Invalid, "Two files are called %s; on a board all lie side by side.", name)
		case !utf8.Valid(raw):
			return nil, roost.Errorf(roost.Invalid, "%s is no text in UTF-8.", name)
		case len(files) >= mostForms:
			return nil, roost.Errorf(roost.TooLarge, "A form has at most %d files.", mostForms)
		}
		files[name] = string(raw)
	}
}

// flatName gives the name of a part's file, without the folders of any system.
func flatName(part *multipart.Part) string {
	name := part.FileName()
	return name[strings.LastIndexByte(name, '\\')+1:]
}

func formFault(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return roost.Errorf(roost.TooLarge, "The files are larger than %d MiB together.", maxFormFiles>>20)
	}
	return roost.Because(roost.Invalid, err, "The form did not come whole.")
}
