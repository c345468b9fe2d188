package web

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// Refusal is the problem details of files that are not taken.
type Refusal struct {
	huma.ErrorModel
	Problems []Problem `json:"problems,omitempty" doc:"What is wrong, and where; left out if the request itself is not right."`
}

func newRefusal(c *release.CheckError) *Refusal {
	p := &Refusal{Problems: shownProblems(c.Problems)}
	p.Status, p.Title = http.StatusUnprocessableEntity, http.StatusText(http.StatusUnprocessableEntity)
	p.Detail = roost.Message(c)
	return p
}

// refusalResponse is a Refusal in the document.
func (s *Server) refusalResponse() *huma.Response {
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Refusal](), true, "Refusal")
	return &huma.Response{Description: http.StatusText(http.StatusUnprocessableEntity), Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: schema},
	}}
}
