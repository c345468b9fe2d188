package web

import (
	"cmp"
	"context"
	"net/http"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// Session is who is signed in.
type Session struct {
	State   string  `json:"state" enum:"setup,signed-out,signed-in"`
	Person  *Person `json:"person,omitempty" doc:"Who is signed in; for a token, the token."`
	Version string  `json:"version" example:"0.1.0"`
}

// Person is who is signed in, with their role here.
type Person struct {
	ID   string `json:"id" example:"5t8w2k4m6n9p1q3r"`
	Name string `json:"name" example:"ada"`
	Role string `json:"role" enum:"owner,operator,viewer," doc:"Empty: none here."`
}

type sessionAnswer struct {
	Cookie []http.Cookie `header:"Set-Cookie" hidden:"true"`
	Body   Session
}

func (s *Server) session(ctx context.Context, _ *struct{}) (*sessionAnswer, error) {
	c := callerOf(ctx)
	if c.err != nil && roost.KindOf(c.err) != roost.Unauthorized {
		return nil, c.err
	}
	out := &sessionAnswer{Body: Session{State: "signed-out", Version: s.Version}}
	if c.err == nil && c.actor.ID != "" {
		s.welcome(&out.Body, c.actor)
		if c.cookie != "" { // it lives as long as it is used, in the browser too
			out.Cookie = []http.Cookie{sessionCookie(c, c.cookie)}
		}
		return out, nil
	}
	if s.signInAs() != signInPeople { // nobody ever owns it
		return out, nil
	}
	needs, err := s.Accounts.NeedsSetup(ctx)
	if needs {
		out.Body.State = "setup"
	}
	return out, err
}

func (s *Server) welcome(to *Session, a account.Actor) {
	to.State = "signed-in"
	to.Person = &Person{ID: a.ID, Name: a.Name, Role: string(a.Role(s.project))}
}

func sessionCookie(c *caller, secret string) http.Cookie {
	return http.Cookie{
		Name: CookieName, Value: secret, Path: "/", MaxAge: int(account.SessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.secure,
	}
}

// signedIn is the answer that opens a session.
func (s *Server) signedIn(ctx context.Context, in account.SignedIn) *sessionAnswer {
	out := &sessionAnswer{
		Cookie: []http.Cookie{sessionCookie(callerOf(ctx), in.Secret)},
		Body:   Session{Version: s.Version},
	}
	s.welcome(&out.Body, in.Actor)
	return out
}

type setUpRequest struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"200" doc:"From the link that Roost printed."`
		Name     string `json:"name" minLength:"1" maxLength:"256" example:"ada"`
		Password string `json:"password" minLength:"1" maxLength:"1024" example:"correct horse battery"`
	} `contentType:"application/json" nameHint:"SetUp"`
}

func (s *Server) setUp(ctx context.Context, in *setUpRequest) (*sessionAnswer, error) {
	who, err := s.Accounts.SetUp(ctx, in.Body.Token, in.Body.Name, in.Body.Password, callerOf(ctx).remote)
	if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, who), nil
}

type signInRequest struct {
	Body struct {
		Name     string `json:"name,omitempty" maxLength:"256" example:"ada" doc:"May be left out where the site asks for a password alone."`
		Password string `json:"password" maxLength:"1024" example:"correct horse battery"`
	} `contentType:"application/json" nameHint:"SignIn"`
}

func (s *Server) signIn(ctx context.Context, in *signInRequest) (*sessionAnswer, error) {
	who, err := s.Accounts.SignIn(ctx, cmp.Or(in.Body.Name, s.OnlyPerson), in.Body.Password, callerOf(ctx).remote)
	if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, who), nil
}

type signOutAnswer struct {
	Cookie http.Cookie `header:"Set-Cookie" hidden:"true"`
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signOutAnswer, error) {
	c := callerOf(ctx)
	gone := sessionCookie(c, "")
	gone.MaxAge = -1
	if c.cookie == "" {
		return &signOutAnswer{gone}, nil
	}
	return &signOutAnswer{gone}, s.lessRights(s.Accounts.SignOut(ctx, c.cookie))
}

type passwordRequest struct {
	Body struct {
		Current  string `json:"current" maxLength:"1024"`
		Password string `json:"password" maxLength:"1024" example:"correct horse battery"`
	} `contentType:"application/json" nameHint:"PasswordChange"`
}

func (s *Server) changePassword(ctx context.Context, in *passwordRequest) (*struct{}, error) {
	c := callerOf(ctx)
	return nil, s.lessRights(s.Accounts.ChangePassword(ctx, c.actor, in.Body.Current, in.Body.Password, c.remote))
}
