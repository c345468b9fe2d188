package web

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// User is one person with a role here.
type User struct {
	ID        string `json:"id" example:"5t8w2k4m6n9p1q3r"`
	Name      string `json:"name" example:"ada"`
	Role      string `json:"role" enum:"owner,operator,viewer"`
	AccountID string `json:"accountId" example:"mJ2n8Qx4ZtR7vL0bKc5wYa" doc:"A device may bring it in place of an app's id. Owners see everybody's, others their own; else empty."`
	Created   int64  `json:"created" example:"1764000000000"`
	LastSeen  int64  `json:"last_seen" example:"1764000000000" doc:"0: never."`
}

func (s *Server) shownUser(ctx context.Context, p roost.Person) User {
	u := User{ID: p.ID, Name: p.Name, Role: string(p.RoleIn(s.project)), Created: ms(p.Created), LastSeen: ms(p.LastSeen)}
	if actor := callerOf(ctx).actor; actor.ID == p.ID || actor.Allowed(s.project, account.Own) == nil {
		u.AccountID = p.Account
	}
	return u
}

type userAnswer struct{ Body User }

// UserPath is embedded by what is about one person.
type UserPath struct {
	ID string `path:"id" maxLength:"64" example:"5t8w2k4m6n9p1q3r" doc:"The id of the person."`
}

type userList struct {
	Body struct {
		Users []User `json:"users" nullable:"false"`
	} `nameHint:"Users"`
}

func (s *Server) listUsers(ctx context.Context, _ *struct{}) (*userList, error) {
	people, err := s.Accounts.People(ctx, callerOf(ctx).actor, s.project)
	if err != nil {
		return nil, err
	}
	out := &userList{}
	out.Body.Users = make([]User, len(people))
	for i, p := range people {
		out.Body.Users[i] = s.shownUser(ctx, p)
	}
	return out, nil
}

type newUser struct {
	Body struct {
		Name     string `json:"name" maxLength:"256" example:"grace"`
		Password string `json:"password" maxLength:"1024" example:"correct horse battery"`
		Role     string `json:"role" enum:"owner,operator,viewer"`
	} `contentType:"application/json" nameHint:"NewUser"`
}

func (s *Server) addUser(ctx context.Context, in *newUser) (*userAnswer, error) {
	p, err := s.Accounts.AddPerson(ctx, callerOf(ctx).actor, s.project, account.NewPerson{
		Name: in.Body.Name, Password: in.Body.Password, Role: roost.Role(in.Body.Role),
	})
	return &userAnswer{s.shownUser(ctx, p)}, err
}

type userChange struct {
	UserPath
	Body struct {
		Role     *string `json:"role,omitempty" enum:"owner,operator,viewer"`
		Password *string `json:"password,omitempty" maxLength:"1024" example:"correct horse battery"`
	} `contentType:"application/json" nameHint:"UserChange"`
}

func (s *Server) changeUser(ctx context.Context, in *userChange) (*userAnswer, error) {
	change := account.PersonChange{Password: in.Body.Password}
	if in.Body.Role != nil {
		role := roost.Role(*in.Body.Role)
		change.Role = &role
	}
	p, err := s.Accounts.ChangePerson(ctx, callerOf(ctx).actor, s.project, in.ID, change)
	return &userAnswer{s.shownUser(ctx, p)}, s.lessRights(err)
}

func (s *Server) removeUser(ctx context.Context, in *UserPath) (*struct{}, error) {
	return nil, s.lessRights(s.Accounts.RemovePerson(ctx, callerOf(ctx).actor, s.project, in.ID))
}
