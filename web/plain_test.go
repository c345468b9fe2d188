package web

import (
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

func TestFaultsOfARequestAreSaidInWords(t *testing.T) {
	for asked, want := range map[string]string{
		"expected length <= 120":                       `"name" is not right: at most 120 characters.`,
		"expected length >= 1":                         `"name" is not right: at least 1 character.`,
		"expected array length >= 1":                   `"name" is not right: at least 1 entry.`,
		"expected number >= 2":                         `"name" is not right: at least 2.`,
		`expected value to be one of "editor, viewer"`: `"name" is not right: it must be one of "editor, viewer".`,
		"expected string":                              `"name" is not right: expected string.`,
	} {
		if got := speak(&huma.ErrorDetail{Message: asked, Location: "body.name"}).Message; got != want {
			t.Errorf("%s is told as %s, want %s", asked, got, want)
		}
	}
}
