package web

import (
	"bytes"
	"context"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// OSRelease is a version of PythingsOS on the shelf.
type OSRelease struct {
	Version   string       `json:"version" example:"v1.1.0"`
	Added     int64        `json:"added" example:"1764000000000"`
	Platforms []OSPlatform `json:"platforms" nullable:"false"`
}

// OSPlatform is what a release has for one kind of board.
type OSPlatform struct {
	Name  string `json:"name" example:"esp8266"`
	Files int    `json:"files" example:"20"`
	Bytes int64  `json:"bytes" example:"48211"`
}

func shownRelease(r release.OSRelease) OSRelease {
	out := OSRelease{Version: r.Version, Added: ms(r.Added), Platforms: make([]OSPlatform, len(r.Platforms))}
	for i, p := range r.Platforms {
		out.Platforms[i] = OSPlatform(p)
	}
	return out
}

type shelfList struct {
	Body struct {
		Releases []OSRelease `json:"releases" nullable:"false"`
	} `nameHint:"Shelf"`
}

func (s *Server) listShelf(context.Context, *struct{}) (*shelfList, error) {
	out := &shelfList{}
	out.Body.Releases = []OSRelease{}
	for _, r := range s.Releases.Shelf() {
		out.Body.Releases = append(out.Body.Releases, shownRelease(r))
	}
	return out, nil
}

type newRelease struct {
	Version string `query:"version" required:"true" minLength:"1" maxLength:"36" example:"v1.1.0"`
	ZipBody
}

func (s *Server) addRelease(ctx context.Context, in *newRelease) (*struct{ Body OSRelease }, error) {
	r, err := in.reader()
	if err != nil {
		return nil, err
	}
	made, err := s.Releases.AddRelease(ctx, r, r.Size(), in.Version)
	if err != nil {
		return nil, err
	}
	return &struct{ Body OSRelease }{shownRelease(made)}, s.audit(ctx, "shelf.add", in.Version, "")
}

// VersionPath is embedded by what is about one release on the shelf.
type VersionPath struct {
	Version string `path:"version" maxLength:"36" example:"v1.1.0" doc:"The version of the release."`
}

func (s *Server) removeRelease(ctx context.Context, in *VersionPath) (*struct{}, error) {
	if err := s.Releases.RemoveRelease(ctx, in.Version); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "shelf.remove", in.Version, "")
}

type platformPath struct {
	VersionPath
	File string `path:"file" maxLength:"60" example:"esp8266.zip" doc:"The name of the platform, and .zip."`
}

func (s *Server) zipPlatform(_ context.Context, in *platformPath) (*zipAnswer, error) {
	platform, ok := strings.CutSuffix(in.File, ".zip")
	if !ok {
		return nil, roost.Errorf(roost.NotFound, "There is no %q here; a platform is fetched as %s.zip.", in.File, in.File)
	}
	var b bytes.Buffer
	if err := s.Releases.ZipPlatform(in.Version, platform, &b); err != nil {
		return nil, err
	}
	return saved(fileName("pythingsos-"+in.Version+"-"+platform)+".zip", &b), nil
}
