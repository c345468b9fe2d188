package web

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// Account is who is signed in, as they see themselves.
type Account struct {
	Name      string `json:"name" example:"ada"`
	AccountID string `json:"accountId" example:"Zk3fW9sT1qLmX8cVb2NrYd" doc:"A PythingsOS device may carry it in place of an app's id."`
	Email     string `json:"email" example:"ada@example.org" doc:"Empty: none was given."`
	TimeZone  string `json:"timeZone" example:"Europe/Rome" doc:"Of the tz database; empty: that of the browser."`
	Role      string `json:"role" enum:"owner,operator,viewer"`
	Created   int64  `json:"created" example:"1764000000000"`
	Usage     Usage  `json:"usage"`
}

// Usage is what the server holds for everybody here.
type Usage struct {
	Things         int   `json:"things" example:"42" doc:"Enrolled things."`
	WorkerMessages int64 `json:"workerMessages" example:"18420" doc:"Messages of worker tasks that are kept."`
	Messages       int64 `json:"messages" example:"61" doc:"Messages and shell lines to things that are kept."`
	Apps           int   `json:"apps" example:"2"`
}

type accountAnswer struct{ Body Account }

func (s *Server) getAccount(ctx context.Context, _ *struct{}) (*accountAnswer, error) {
	me, err := s.Accounts.Self(ctx, callerOf(ctx).actor)
	if err != nil {
		return nil, err
	}
	return s.shownAccount(ctx, me)
}

func (s *Server) shownAccount(ctx context.Context, me roost.Person) (*accountAnswer, error) {
	usage, err := s.usage(ctx)
	return &accountAnswer{Account{
		Name: me.Name, AccountID: me.Account, Email: me.Email, TimeZone: me.TimeZone,
		Role: string(me.RoleIn(s.project)), Created: ms(me.Created), Usage: usage,
	}}, err
}

func (s *Server) usage(ctx context.Context) (u Usage, err error) {
	u.Things = s.Registry.Count(s.project).Total
	if s.Releases != nil {
		u.Apps = len(s.Releases.Apps(s.project))
	}
	if u.WorkerMessages, err = s.Telemetry.CountMessages(ctx, s.project); err != nil {
		return u, err
	}
	u.Messages, err = s.Commands.CountFetched(ctx, s.project)
	return u, err
}

type accountChange struct {
	Body struct {
		Email    *string `json:"email,omitempty" maxLength:"254" example:"ada@example.org" doc:"Empty takes it away."`
		TimeZone *string `json:"timeZone,omitempty" maxLength:"64" example:"Europe/Rome" doc:"Empty: that of the browser."`
	} `contentType:"application/json" nameHint:"AccountChange"`
}

func (s *Server) changeAccount(ctx context.Context, in *accountChange) (*accountAnswer, error) {
	me, err := s.Accounts.SetProfile(ctx, callerOf(ctx).actor, account.Profile{Email: in.Body.Email, TimeZone: in.Body.TimeZone})
	if err != nil {
		return nil, err
	}
	return s.shownAccount(ctx, me)
}

type accountDeletion struct {
	Body struct {
		Name string `json:"name" maxLength:"256" example:"ada" doc:"Your own name, so that nobody does this by mistake."`
	} `contentType:"application/json" nameHint:"AccountDeletion"`
}

func (s *Server) deleteAccount(ctx context.Context, in *accountDeletion) (*struct{}, error) {
	actor := callerOf(ctx).actor
	me, err := s.Accounts.Self(ctx, actor)
	if err != nil {
		return nil, err
	}
	if roost.NameKey(in.Body.Name) != roost.NameKey(me.Name) {
		return nil, roost.Errorf(roost.Invalid, "Type your own name, %s, to delete your account.", me.Name)
	}
	return nil, s.lessRights(s.Accounts.DeleteSelf(ctx, actor))
}

type newOwnToken struct {
	Body struct {
		Name string `json:"name" maxLength:"256" example:"laptop"`
		Role string `json:"role" enum:"owner,operator,viewer" doc:"At most your own."`
	} `contentType:"application/json" nameHint:"NewOwnToken"`
}

func (s *Server) addOwnToken(ctx context.Context, in *newOwnToken) (*struct{ Body Token }, error) {
	t, secret, err := s.Accounts.AddOwnToken(ctx, callerOf(ctx).actor, s.project, in.Body.Name, roost.Role(in.Body.Role))
	out := &struct{ Body Token }{shownToken(t)}
	out.Body.Token = secret
	return out, err
}

func (s *Server) removeOwnToken(ctx context.Context, in *tokenPath) (*struct{}, error) {
	actor := callerOf(ctx).actor
	me, err := s.Accounts.Self(ctx, actor)
	if err != nil {
		return nil, err
	}
	tokens, err := s.Accounts.Tokens(ctx, actor, s.project)
	if err != nil {
		return nil, err
	}
	for _, t := range tokens {
		if t.ID == in.ID && t.Person == me.ID {
			return nil, s.lessRights(s.Accounts.RemoveToken(ctx, actor, s.project, t.ID))
		}
	}
	return nil, roost.Errorf(roost.NotFound, "You have no token of that id.")
}
