package web

import (
	"context"
	"math/big"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Pythings tells of the door of PythingsOS devices.
type Pythings interface {
	State() PythingsState
	// ImportKey takes up the private key of another backend, a PEM file, so that its
	// devices can come here.
	ImportKey(name string, pem []byte) error
	// RemoveKey forgets one that was taken up; roost.NotFound.
	RemoveKey(name string) error
}

// PythingsState is how that door stands.
type PythingsState struct {
	Modulus   *big.Int // of our own key; a device that encrypts must be told it
	Keys      []PythingsKey
	Notices   []PythingsNotice // newest first
	TLS       bool             // devices may come by TLS
	LegacyTLS bool             // with the cipher suites of old boards, too
}

// PythingsKey is a private key with which devices may have encrypted.
type PythingsKey struct {
	Name     string `json:"name" example:"cloud" doc:"Empty: our own."`
	Bits     int    `json:"bits" example:"1024"`
	Imported bool   `json:"imported" doc:"From another backend."`
}

// PythingsNotice is a device that cannot come in, and why.
type PythingsNotice struct {
	At           time.Time
	Remote, Text string
}

// PythingsInfo is what a PythingsOS device has to be told, and how its door stands.
type PythingsInfo struct {
	AccountID string        `json:"accountId" example:"Zk3fW9sT1qLmX8cVb2NrYd" doc:"Of you; a device may carry it in place of an app's id. Empty for tokens."`
	Backend   string        `json:"backend" example:"192.0.2.1:8080" doc:"Where devices find this server."`
	TLS       bool          `json:"tls" doc:"Devices may come by TLS."`
	LegacyTLS bool          `json:"legacyTLS" doc:"With the cipher suites of old boards, too."`
	Modulus   string        `json:"modulus" example:"1188…" doc:"Of the server's own key, in decimal: for devices that encrypt by themselves."`
	Keys      []PythingsKey `json:"keys" nullable:"false"`
	Notices   []Notice      `json:"notices" nullable:"false" doc:"Devices that cannot come in, newest first."`
}

// Notice is a device that cannot come in, and why.
type Notice struct {
	At     int64  `json:"at" example:"1764000000000"`
	Remote string `json:"remote" example:"192.0.2.7:50122"`
	Text   string `json:"text"`
}

type pythingsAnswer struct{ Body PythingsInfo }

func noPythings() error {
	return roost.Errorf(roost.NotFound, "This server does not take PythingsOS devices.")
}

func (s *Server) getPythings(ctx context.Context, _ *struct{}) (*pythingsAnswer, error) {
	if s.Pythings == nil {
		return nil, noPythings()
	}
	st, c := s.Pythings.State(), callerOf(ctx)
	_, host, _ := strings.Cut(c.base, "://")
	host, _, _ = strings.Cut(host, "/")
	out := PythingsInfo{Backend: host, TLS: st.TLS, LegacyTLS: st.LegacyTLS, Keys: append([]PythingsKey{}, st.Keys...), Notices: []Notice{}}
	if st.Modulus != nil {
		out.Modulus = st.Modulus.String()
	}
	for _, n := range st.Notices {
		out.Notices = append(out.Notices, Notice{At: ms(n.At), Remote: n.Remote, Text: n.Text})
	}
	if me, err := s.Accounts.Self(ctx, c.actor); err == nil {
		out.AccountID = me.Account
	}
	return &pythingsAnswer{out}, nil
}

type newPythingsKey struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"40" example:"cloud"`
		PEM  string `json:"pem" minLength:"1" maxLength:"20000" doc:"An RSA private key as a PEM file. It is kept, and never shown again."`
	} `contentType:"application/json" nameHint:"NewPythingsKey"`
}

func (s *Server) importKey(ctx context.Context, in *newPythingsKey) (*pythingsAnswer, error) {
	if s.Pythings == nil {
		return nil, noPythings()
	}
	if err := s.Pythings.ImportKey(in.Body.Name, []byte(in.Body.PEM)); err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "pythings.key", in.Body.Name, ""); err != nil {
		return nil, err
	}
	return s.getPythings(ctx, nil)
}

type pythingsKeyPath struct {
	Name string `path:"name" maxLength:"40" example:"cloud" doc:"The name of the key."`
}

func (s *Server) removeKey(ctx context.Context, in *pythingsKeyPath) (*struct{}, error) {
	if s.Pythings == nil {
		return nil, noPythings()
	}
	if err := s.Pythings.RemoveKey(in.Name); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "pythings.key.remove", in.Name, "")
}
