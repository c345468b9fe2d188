package web

import (
	"bytes"
	"context"
	"net/http"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/wire/agent"
)

// runtimeShelf keeps versions of Roost's own runtime; the door of its things is one.
type runtimeShelf interface {
	// Runtimes gives all, the newest first.
	Runtimes(ctx context.Context) ([]roost.RuntimeState, error)
	AddRuntime(ctx context.Context, b agent.Bundle, by string) (roost.RuntimeState, error)
	RemoveRuntime(ctx context.Context, version string) error
	ExportRuntime(ctx context.Context, version string) (agent.Bundle, error)
	// RuntimeTexts gives what an owner signs, by form; SignRuntime takes the signatures.
	RuntimeTexts(ctx context.Context, version string, down bool) (map[string]string, error)
	SignRuntime(ctx context.Context, version string, down bool, public string, sigs map[string]string, by string) error
}

func (s *Server) runtimeShelfRoutes() {
	add(s, endpoint{
		method: "GET", path: "/runtimes", id: "list-runtimes", tag: tagBoards, right: account.View,
		summary: "List the runtimes that things can be moved to", detail: "Versions of Roost's own runtime, the newest first: that of this Roost, those of Roosts that ran on this data before, and those from files.",
	}, s.listRuntimes)
	add(s, endpoint{
		method: "GET", path: "/runtimes/{version}/zip", id: "get-runtime-zip", tag: tagBoards, right: account.View, archive: true,
		summary: "Download a runtime as a file", detail: "As another Roost takes it, with all forms and signatures.",
	}, s.zipRuntime)
	add(s, endpoint{
		method: "POST", path: "/runtimes", id: "add-runtime", tag: tagBoards, right: account.Own, status: http.StatusCreated, errors: []int{409}, most: agent.MaxBundle,
		summary: "Put a runtime on the shelf", detail: "A zip as it is downloaded here, or as roost runtime export writes it. One that is there gets the forms and signatures that it does not have.",
	}, s.addRuntime)
	add(s, endpoint{
		method: "DELETE", path: "/runtimes/{version}", id: "remove-runtime", tag: tagBoards, right: account.Own, status: http.StatusNoContent, errors: []int{409},
		summary: "Take a runtime off the shelf", detail: "Not this Roost's own, and not while settings ask for it. Things that run it keep it.",
	}, s.removeRuntime)
	add(s, endpoint{
		method: "GET", path: "/runtimes/{version}/texts", id: "get-runtime-texts", tag: tagBoards, right: account.View,
		summary: "What an owner signs of a runtime", detail: "The texts of all its forms, byte for byte as things get them: the SHA-256 of each file. They stay the same.",
	}, s.runtimeTexts)
	add(s, endpoint{
		method: "PUT", path: "/runtimes/{version}/signatures", id: "sign-runtime", tag: tagBoards, right: account.Operate, status: http.StatusNoContent,
		summary: "Give a runtime its owner's signatures", detail: "Ed25519 (RFC 8032) over the text of each form. Things that have this release key take nothing without.",
	}, s.signRuntime)
}

// RuntimeOwner is an owner who has signed a runtime.
type RuntimeOwner struct {
	Owner string `json:"owner" example:"24f6ed6acbfe1009" doc:"The first 16 digits of the SHA-256 of the public key, as things tell it."`
	Down  bool   `json:"down" doc:"Also for things that have a newer one."`
	By    string `json:"by" example:"ada" doc:"Who brought the signatures."`
	At    int64  `json:"at" example:"1764000000000"`
}

// ShelfRuntime is a version of Roost's own runtime that things can be moved to.
type ShelfRuntime struct {
	Version string         `json:"version" example:"1.0.0"`
	Own     bool           `json:"own" doc:"It is that of this Roost, which settings call latest."`
	Origin  string         `json:"origin" enum:"program,file" doc:"program: of this Roost or one that ran on this data before. file: somebody brought it."`
	By      string         `json:"by" example:"ada" doc:"Who brought the file."`
	Added   int64          `json:"added" example:"1764000000000"`
	Forms   []string       `json:"forms" nullable:"false" doc:"What it is there for: a profile and the version of bytecode, 0 for source; rom/6 for an ESP8266."`
	Bytes   int64          `json:"bytes" example:"301544" doc:"Of all its files."`
	Owners  []RuntimeOwner `json:"owners" nullable:"false" doc:"Who has signed all of it."`
	Running int            `json:"running" doc:"Things that run it."`
	Pools   int            `json:"pools" doc:"That are told to run it."`
	Things  int            `json:"things" doc:"Whose own settings tell them to run it."`
}

func shownShelfRuntime(r roost.RuntimeState) ShelfRuntime {
	out := ShelfRuntime{
		Version: r.Version, Own: r.Own, Origin: r.Origin, By: r.By, Added: ms(r.Added), Forms: append([]string{}, r.Forms...), Bytes: r.Bytes,
		Owners: []RuntimeOwner{}, Running: r.Running, Pools: r.Pools, Things: r.Things,
	}
	for _, o := range r.Owners {
		out.Owners = append(out.Owners, RuntimeOwner{Owner: o.Owner, Down: o.Down, By: o.By, At: ms(o.At)})
	}
	return out
}

type runtimeList struct {
	Body struct {
		Runtimes []ShelfRuntime `json:"runtimes" nullable:"false"`
	} `nameHint:"RuntimeShelf"`
}

func (s *Server) listRuntimes(ctx context.Context, _ *struct{}) (*runtimeList, error) {
	out := &runtimeList{}
	out.Body.Runtimes = []ShelfRuntime{}
	if s.Agents == nil {
		return out, nil
	}
	all, err := s.Agents.Runtimes(ctx)
	for _, r := range all {
		out.Body.Runtimes = append(out.Body.Runtimes, shownShelfRuntime(r))
	}
	return out, err
}

// RuntimePath is embedded by what is about one version of the runtime.
type RuntimePath struct {
	Version string `path:"version" maxLength:"36" example:"1.0.0" doc:"The version of the runtime."`
}

func (s *Server) zipRuntime(ctx context.Context, in *RuntimePath) (*zipAnswer, error) {
	if s.Agents == nil {
		return nil, noRuntime()
	}
	b, err := s.Agents.ExportRuntime(ctx, in.Version)
	if err != nil {
		return nil, err
	}
	var zip bytes.Buffer
	if err := b.Write(&zip); err != nil {
		return nil, err
	}
	return saved("roost-runtime-"+in.Version+".zip", &zip), nil
}

func (s *Server) addRuntime(ctx context.Context, in *ZipBody) (*struct{ Body ShelfRuntime }, error) {
	if s.Agents == nil {
		return nil, noRuntime()
	}
	r, err := in.reader()
	if err != nil {
		return nil, err
	}
	b, err := agent.ReadBundle(r, r.Size())
	if err != nil {
		return nil, err
	}
	made, err := s.Agents.AddRuntime(ctx, b, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return &struct{ Body ShelfRuntime }{shownShelfRuntime(made)}, s.audit(ctx, "runtime.add", made.Version, "")
}

func (s *Server) removeRuntime(ctx context.Context, in *RuntimePath) (*struct{}, error) {
	if s.Agents == nil {
		return nil, noRuntime()
	}
	if err := s.Agents.RemoveRuntime(ctx, in.Version); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "runtime.remove", in.Version, "")
}

type runtimeTextsQuery struct {
	RuntimePath
	Down bool `query:"down" doc:"The texts of one that may be taken by things which have a newer one."`
}

type runtimeTexts struct {
	Body struct {
		Texts map[string]string `json:"texts" doc:"By form."`
	} `nameHint:"RuntimeTexts"`
}

func (s *Server) runtimeTexts(ctx context.Context, in *runtimeTextsQuery) (*runtimeTexts, error) {
	if s.Agents == nil {
		return nil, noRuntime()
	}
	texts, err := s.Agents.RuntimeTexts(ctx, in.Version, in.Down)
	out := &runtimeTexts{}
	out.Body.Texts = texts
	return out, err
}

type runtimeSignatures struct {
	RuntimePath
	Body struct {
		Public     string            `json:"public" minLength:"64" maxLength:"64" doc:"The release key's public half, in hexadecimal digits."`
		Signatures map[string]string `json:"signatures" doc:"By form, in hexadecimal digits."`
		Down       bool              `json:"down,omitempty" doc:"They are of the texts with down."`
	} `contentType:"application/json" nameHint:"NewRuntimeSignatures"`
}

func (s *Server) signRuntime(ctx context.Context, in *runtimeSignatures) (*struct{}, error) {
	if s.Agents == nil {
		return nil, noRuntime()
	}
	err := s.Agents.SignRuntime(ctx, in.Version, in.Body.Down, in.Body.Public, in.Body.Signatures, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "runtime.sign", in.Version, "")
}
