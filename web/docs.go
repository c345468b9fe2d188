package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// document serves the OpenAPI document, made once of the code, when it is asked for.
func (s *Server) document() http.HandlerFunc {
	s.api.OpenAPI().AddOperation(streamOperation())
	return whenAsked(func() *asset {
		text, err := json.MarshalIndent(s.api.OpenAPI(), "", "  ")
		if err != nil {
			panic(err) // a fault of the code, seen by a test
		}
		return newAsset("openapi.json", append(text, '\n'))
	})
}

// whenAsked serves what costs some time to make: not at the start of the server.
func whenAsked(make func() *asset) http.HandlerFunc {
	file := sync.OnceValue(make)
	return func(w http.ResponseWriter, r *http.Request) { file().serve(w, r, false) }
}

// chapter is the operations of one tag, as the readable document shows them.
type chapter struct {
	Name, Anchor string
	Operations   []docOperation
}

type docOperation struct {
	Method, Path, ID, Summary, Role string
	Detail                          template.HTML
	Params                          []docField
	Body, Answer                    string // examples, "" if none
	BodyFields, AnswerFields        []docField
	Status                          string
	Errors                          []string
}

type docField struct {
	Name, Where, Type, Doc string
	Required               bool
}

var docsTemplate = template.Must(template.ParseFS(page, "page/docs.html"))

// docsPage serves the readable document. It loads nothing but its style sheet.
func (s *Server) docsPage() http.HandlerFunc {
	return whenAsked(func() *asset {
		oapi := s.api.OpenAPI()
		var b bytes.Buffer
		err := docsTemplate.Execute(&b, map[string]any{
			"Version": oapi.Info.Version, "Description": inlineCode(oapi.Info.Description), "Chapters": chapters(oapi),
		})
		if err != nil {
			panic(err) // a fault of the code, seen by a test
		}
		return newAsset("docs.html", b.Bytes())
	})
}

func (s *Server) docsStyle() http.HandlerFunc {
	text, err := page.ReadFile("page/docs.css")
	if err != nil {
		panic(err) // it is embedded
	}
	file := newAsset("docs.css", text)
	return func(w http.ResponseWriter, r *http.Request) { file.serve(w, r, false) }
}

func chapters(oapi *huma.OpenAPI) []chapter {
	all := make([]chapter, len(oapi.Tags))
	for i, tag := range oapi.Tags {
		all[i] = chapter{Name: tag.Name, Anchor: strings.ToLower(strings.ReplaceAll(tag.Name, " ", "-"))}
	}
	eachOperation(oapi, func(op *huma.Operation) {
		i := slices.IndexFunc(all, func(c chapter) bool { return c.Name == op.Tags[0] })
		all[i].Operations = append(all[i].Operations, docOf(oapi, op))
	})
	for _, c := range all {
		slices.SortStableFunc(c.Operations, func(a, b docOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(rank(a.Method), rank(b.Method)))
		})
	}
	return all
}

func rank(method string) int {
	return slices.Index([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method)
}

// eachOperation calls f for every operation of the document.
func eachOperation(oapi *huma.OpenAPI, f func(*huma.Operation)) {
	for _, item := range oapi.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				f(op)
			}
		}
	}
}

func docOf(oapi *huma.OpenAPI, op *huma.Operation) docOperation {
	d := docOperation{
		Method: op.Method, Path: op.Path, ID: op.OperationID, Summary: op.Summary,
		Role: fmt.Sprint(op.Extensions[roleField]), Detail: inlineCode(op.Description),
	}
	for _, p := range op.Parameters {
		if p.In == "path" || p.In == "query" {
			d.Params = append(d.Params, docField{Name: p.Name, Where: p.In, Type: typeOf(oapi, p.Schema), Doc: cmp.Or(p.Description, p.Schema.Description), Required: p.Required})
		}
	}
	if op.RequestBody != nil {
		d.BodyFields, d.Body = fieldsOf(oapi, op.RequestBody.Content["application/json"])
		if op.RequestBody.Content[zipType] != nil {
			d.Params = append(d.Params, docField{Name: zipType, Where: "body", Type: "a zip archive", Required: true})
		}
	}
	if op.RequestBody != nil && op.RequestBody.Content[fileType] != nil {
		d.Params = append(d.Params, docField{Name: fileType, Where: "body", Type: "the file itself", Required: true})
	}
	for status, r := range op.Responses {
		if status >= "400" {
			d.Errors = append(d.Errors, status)
			continue
		}
		d.Status = status + " " + r.Description
		if r.Content[zipType] != nil {
			d.Status += ", a zip archive"
		}
		if r.Content[fileType] != nil {
			d.Status += ", the file itself"
		}
		d.AnswerFields, d.Answer = fieldsOf(oapi, r.Content["application/json"])
	}
	slices.Sort(d.Errors)
	return d
}

// inlineCode turns `code` into HTML; all else is escaped.
func inlineCode(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			part = "<code>" + template.HTMLEscapeString(part) + "</code>"
		} else {
			part = template.HTMLEscapeString(part)
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // escaped above
}
