package web

import (
	"bytes"
	"context"
	"mime"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost/release"
)

const (
	zipType = "application/zip"

	maxAppZip   = 8 << 20  // bytes of an app as a zip
	maxShelfZip = 64 << 20 // bytes of a release of an OS
)

// ZipBody is embedded by what takes a zip archive.
type ZipBody struct {
	Type    string `header:"Content-Type" hidden:"true"`
	RawBody []byte `contentType:"application/zip"`
}

// zipTypes are what browsers and programs call a zip.
var zipTypes = []string{zipType, "application/x-zip-compressed", "application/octet-stream"}

// reader gives the archive. A form would be taken for a broken one.
func (z *ZipBody) reader() (*bytes.Reader, error) {
	named, _, _ := mime.ParseMediaType(z.Type)
	for _, t := range zipTypes {
		if named == t || named == "" {
			return bytes.NewReader(z.RawBody), nil
		}
	}
	return nil, &wrongType{want: "Send the archive itself, with Content-Type: " + zipType + "."}
}

// wrongType is a body of a type that an operation does not take.
type wrongType struct{ want string }

func (e *wrongType) Error() string { return e.want }

// zipAnswer is an archive to be saved.
type zipAnswer struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// saved makes an answer that browsers save under a name.
func saved(name string, b *bytes.Buffer) *zipAnswer {
	return &zipAnswer{
		Type: zipType, Disposition: mime.FormatMediaType("attachment", map[string]string{"filename": name}), Body: b.Bytes(),
	}
}

// fileName turns what people call something into a part of the name of a file.
func fileName(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-."); name == "" {
		return "app"
	}
	return name
}

type zipQuery struct {
	AppPath
	Commit string `query:"commit" maxLength:"40" example:"1764000000" doc:"The id of a commit; the newest if left out."`
}

func (s *Server) zipApp(ctx context.Context, in *zipQuery) (*zipAnswer, error) {
	a, err := s.Releases.App(s.project, in.id())
	if err != nil {
		return nil, err
	}
	c, err := s.Releases.Commit(ctx, s.project, a.ID, in.Commit)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := s.Releases.Zip(ctx, s.project, a.ID, c.ID, &b); err != nil {
		return nil, err
	}
	return saved(fileName(a.Name)+"-"+c.ID+".zip", &b), nil
}

type importRequest struct {
	AppPath
	Message string `query:"message" maxLength:"2000" example:"From the laptop"`
	Parent  string `query:"parent" maxLength:"40" doc:"The commit that this one was made on; refused with 409 when there is a newer one."`
	ZipBody
}

func (s *Server) importZip(ctx context.Context, in *importRequest) (*madeCommitAnswer, error) {
	r, err := in.reader()
	if err != nil {
		return nil, err
	}
	files, err := release.ReadZip(r, r.Size())
	if err != nil {
		return nil, err
	}
	c, err := s.Releases.MakeCommit(ctx, s.project, in.id(), release.NewCommit{
		Message: in.Message, Author: callerOf(ctx).actor.Name, Origin: "import", Parent: in.Parent, Files: files,
	})
	return s.madeCommit(ctx, "commit.import", c, err)
}

// archiveResponse is a zip in the document.
func archiveResponse() *huma.Response {
	return &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		zipType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
}
