package web

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// Token lets a program in.
type Token struct {
	ID       string `json:"id" example:"7h2j4k6m8n1p3q5r"`
	Name     string `json:"name" example:"ci"`
	Role     string `json:"role" enum:"owner,operator,viewer"`
	By       string `json:"by" example:"ada" doc:"Who made it."`
	Created  int64  `json:"created" example:"1764000000000"`
	LastUsed int64  `json:"last_used" doc:"0: never."`
	Expires  int64  `json:"expires" doc:"0: never."`
	Token    string `json:"token,omitempty" example:"rst_…" doc:"The secret; only in the answer that makes it."`
}

func shownToken(t roost.Token) Token {
	return Token{
		ID: t.ID, Name: t.Name, Role: string(t.Role), By: t.By,
		Created: ms(t.Created), LastUsed: ms(t.LastUsed), Expires: ms(t.Expires),
	}
}

type tokenPath struct {
	ID string `path:"id" maxLength:"64" example:"7h2j4k6m8n1p3q5r" doc:"The id of the token."`
}

type tokenList struct {
	Body struct {
		Tokens []Token `json:"tokens" nullable:"false"`
	} `nameHint:"Tokens"`
}

func (s *Server) listTokens(ctx context.Context, _ *struct{}) (*tokenList, error) {
	tokens, err := s.Accounts.Tokens(ctx, callerOf(ctx).actor, s.project)
	if err != nil {
		return nil, err
	}
	out := &tokenList{}
	out.Body.Tokens = make([]Token, len(tokens))
	for i, t := range tokens {
		out.Body.Tokens[i] = shownToken(t)
	}
	return out, nil
}

type newToken struct {
	Body struct {
		Name          string `json:"name" maxLength:"256" example:"ci"`
		Role          string `json:"role" enum:"owner,operator,viewer"`
		ExpiresInDays int    `json:"expires_in_days,omitempty" minimum:"1" maximum:"3650" example:"90" doc:"Never if left out."`
	} `contentType:"application/json" nameHint:"NewToken"`
}

func (s *Server) addToken(ctx context.Context, in *newToken) (*struct{ Body Token }, error) {
	n := account.NewToken{Name: in.Body.Name, Role: roost.Role(in.Body.Role)}
	if in.Body.ExpiresInDays > 0 {
		n.Expires = time.Now().AddDate(0, 0, in.Body.ExpiresInDays)
	}
	t, secret, err := s.Accounts.AddToken(ctx, callerOf(ctx).actor, s.project, n)
	out := &struct{ Body Token }{shownToken(t)}
	out.Body.Token = secret
	return out, err
}

func (s *Server) removeToken(ctx context.Context, in *tokenPath) (*struct{}, error) {
	return nil, s.lessRights(s.Accounts.RemoveToken(ctx, callerOf(ctx).actor, s.project, in.ID))
}
