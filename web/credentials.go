package web

import (
	"context"

	"github.com/roost-iot/roost"
)

// Credential lets one thing in at the MQTT doors, and binds its id.
type Credential struct {
	ID       string `json:"id" example:"3c5d7f9g1h2j4k6m"`
	Own      string `json:"own" example:"kitchen" doc:"The id by which the thing calls itself; its user name, too."`
	Created  int64  `json:"created" example:"1764000000000"`
	By       string `json:"by" example:"ada" doc:"Who made it."`
	LastUsed int64  `json:"lastUsed" doc:"0: never."`
}

func shownCredential(c roost.Credential) Credential {
	return Credential{ID: c.ID, Own: c.Own, Created: ms(c.Created), By: c.By, LastUsed: ms(c.LastUsed)}
}

type credentialList struct {
	Body struct {
		Credentials []Credential `json:"credentials" nullable:"false"`
	} `nameHint:"Credentials"`
}

func (s *Server) listCredentials(ctx context.Context, _ *struct{}) (*credentialList, error) {
	all, err := s.Accounts.Credentials(ctx, callerOf(ctx).actor, s.project)
	if err != nil {
		return nil, err
	}
	out := &credentialList{}
	out.Body.Credentials = make([]Credential, len(all))
	for i, c := range all {
		out.Body.Credentials[i] = shownCredential(c)
	}
	return out, nil
}

type newCredential struct {
	Body struct {
		Own string `json:"own" maxLength:"256" example:"kitchen" doc:"The id by which the thing calls itself."`
	} `contentType:"application/json" nameHint:"NewCredential"`
}

// MadeCredential is a credential that was just made, with its password.
type MadeCredential struct {
	Credential Credential `json:"credential"`
	User       string     `json:"user" example:"kitchen"`
	Password   string     `json:"password" example:"…" doc:"Only in this answer."`
}

func (s *Server) addCredential(ctx context.Context, in *newCredential) (*struct{ Body MadeCredential }, error) {
	c, password, err := s.Accounts.AddCredential(ctx, callerOf(ctx).actor, s.project, in.Body.Own)
	if err != nil {
		return nil, err
	}
	s.rebound(c)
	return &struct{ Body MadeCredential }{MadeCredential{shownCredential(c), c.Own, password}}, nil
}

type credentialPath struct {
	ID string `path:"id" maxLength:"64" example:"3c5d7f9g1h2j4k6m" doc:"The id of the credential."`
}

func (s *Server) removeCredential(ctx context.Context, in *credentialPath) (*struct{}, error) {
	c, err := s.Accounts.RemoveCredential(ctx, callerOf(ctx).actor, s.project, in.ID)
	if err != nil {
		return nil, err
	}
	s.rebound(c)
	return nil, nil
}

func (s *Server) rebound(c roost.Credential) {
	if s.Rebound != nil {
		s.Rebound(c.Own)
	}
}

// mqttDoor is the door whose things can be bound.
const mqttDoor = "mqtt"

// credentialOf gives the id of the credential that binds a thing, "" if none does.
func (s *Server) credentialOf(t *roost.Thing) string {
	if t.Identity.Door != mqttDoor {
		return ""
	}
	return s.Accounts.Bound(t.Ref.Project, t.Identity.Own)
}
