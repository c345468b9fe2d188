package web

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// What a far gateway speaks to us.
const (
	KindRoost  = "roost"  // our relay: acknowledged, with a spool
	KindPyaiot = "pyaiot" // Pyaiot's own messages
)

// GatewayStatus is what main knows of one far gateway that is here, or was.
type GatewayStatus struct {
	Key       string // id of the key it came by; "" for the one of the key file
	Name      string // what it calls itself
	Kind      string // KindRoost or KindPyaiot
	Connected bool
	Since     time.Time // of the connection
	Remote    string
	Things    int           // that it vouches for and that are online
	Lag       time.Duration // how old what it tells last was when it came
	Spool     SpoolStatus
	LastSeen  time.Time
	LastError string
	Version   string
	Doors     []string
}

// SpoolStatus is what a gateway holds back because it could not say it yet.
type SpoolStatus struct {
	Entries, Bytes int64
	Oldest         time.Time
	Dropped        int64 // entries lost for want of room, by age, or by damage
}

// Gateway is a far gateway, or a key that none has come by yet.
type Gateway struct {
	ID        string   `json:"id" example:"9q8w7e6r5t4y3u2i" doc:"Of its key. A second gateway by the same key has \"~2\" behind it."`
	Name      string   `json:"name" example:"roof"`
	Kind      string   `json:"kind" enum:"roost,pyaiot," doc:"What it speaks; empty: it has not come yet."`
	Connected bool     `json:"connected"`
	Since     int64    `json:"since" example:"1764000000000" doc:"When it connected; 0: it has not."`
	Remote    string   `json:"remote" example:"192.0.2.44:50122"`
	Things    int      `json:"things" example:"12" doc:"That it vouches for and that are online."`
	Lag       int64    `json:"lag" example:"40" doc:"Milliseconds by which what it told last was late."`
	Spool     Spool    `json:"spool"`
	LastSeen  int64    `json:"lastSeen" doc:"0: never."`
	LastError string   `json:"lastError"`
	Version   string   `json:"version" example:"0.1.0"`
	Doors     []string `json:"doors" nullable:"false" example:"[\"coap\"]"`
	KeyFile   bool     `json:"keyFile" doc:"It came by the key of the server's key file, which cannot be revoked here."`
	Created   int64    `json:"created" example:"1764000000000" doc:"Of the key; 0 for that of the key file."`
	By        string   `json:"by" example:"ada" doc:"Who made the key."`
}

// Spool is what a gateway holds back until it can say it.
type Spool struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
	Oldest  int64 `json:"oldest" doc:"0: nothing."`
	Dropped int64 `json:"dropped" doc:"Entries that were lost for want of room, by their age, or by damage to the disk."`
}

// keyFileID is the id of the row of the key file.
const keyFileID = "key-file"

// shownStatus puts what is known of a connection into the row of its key.
func (g Gateway) shownStatus(s GatewayStatus) Gateway {
	g.Kind, g.Connected, g.Since, g.Remote = s.Kind, s.Connected, ms(s.Since), s.Remote
	g.Things, g.Lag, g.LastError, g.Version = s.Things, s.Lag.Milliseconds(), s.LastError, s.Version
	g.Spool = Spool{Entries: s.Spool.Entries, Bytes: s.Spool.Bytes, Oldest: ms(s.Spool.Oldest), Dropped: s.Spool.Dropped}
	g.LastSeen = max(g.LastSeen, ms(s.LastSeen))
	if s.Doors != nil {
		g.Doors = s.Doors
	}
	if g.KeyFile && s.Name != "" {
		g.Name = s.Name
	}
	return g
}

func shownKey(k roost.GatewayKey) Gateway {
	return Gateway{ID: k.ID, Name: k.Name, LastSeen: ms(k.LastSeen), Doors: []string{}, Created: ms(k.Created), By: k.By}
}

type gatewayList struct {
	Body struct {
		Gateways []Gateway `json:"gateways" nullable:"false"`
	} `nameHint:"Gateways"`
}

func (s *Server) listGateways(ctx context.Context, _ *struct{}) (*gatewayList, error) {
	keys, err := s.Accounts.GatewayKeys(ctx, callerOf(ctx).actor, s.project)
	if err != nil {
		return nil, err
	}
	here := map[string][]GatewayStatus{}
	if s.Gateways != nil {
		for _, g := range s.Gateways() {
			here[g.Key] = append(here[g.Key], g)
		}
	}
	out := &gatewayList{}
	out.Body.Gateways = []Gateway{}
	if s.KeyFile != "" || len(here[""]) > 0 {
		out.add(Gateway{ID: keyFileID, Name: "key file", Doors: []string{}, KeyFile: true}, here[""])
	}
	for _, k := range keys {
		out.add(shownKey(k), here[k.ID])
	}
	return out, nil
}

// add appends a row for each connection by a key, or one for the key alone.
func (l *gatewayList) add(key Gateway, here []GatewayStatus) {
	if len(here) == 0 {
		l.Body.Gateways = append(l.Body.Gateways, key)
	}
	for i, status := range here {
		row := key.shownStatus(status)
		if i > 0 {
			row.ID = fmt.Sprintf("%s~%d", key.ID, i+1)
		}
		l.Body.Gateways = append(l.Body.Gateways, row)
	}
}

// seeGateways writes down which gateways are here, for the time when they are not.
func (s *Server) seeGateways(ctx context.Context) {
	if s.Gateways == nil {
		return
	}
	for _, g := range s.Gateways() {
		if g.Connected && g.Key != "" {
			s.Accounts.SeeGateway(ctx, g.Key)
		}
	}
}

// gatewaysHere counts those that are connected.
func (s *Server) gatewaysHere() (n int) {
	if s.Gateways == nil {
		return 0
	}
	for _, g := range s.Gateways() {
		if g.Connected {
			n++
		}
	}
	return n
}

type newGateway struct {
	Body struct {
		Name string `json:"name" maxLength:"256" example:"roof"`
	} `contentType:"application/json" nameHint:"NewGateway"`
}

// MadeGateway is a key that was just made, with all that its gateway needs.
type MadeGateway struct {
	Gateway Gateway `json:"gateway"`
	KeyFile string  `json:"keyFile" example:"[keys]\nsecret = …\nprivate = …\n" doc:"What goes into the gateway's key file; only in this answer."`
	Command string  `json:"command" example:"roost gateway --hub ws://192.0.2.1:8080 --key-file roof.keys" doc:"How to start the gateway."`
}

func (s *Server) addGateway(ctx context.Context, in *newGateway) (*struct{ Body MadeGateway }, error) {
	c := callerOf(ctx)
	k, err := s.Accounts.AddGatewayKey(ctx, c.actor, s.project, in.Body.Name)
	if err != nil {
		return nil, err
	}
	hub := "ws" + strings.TrimPrefix(c.base, "http") // and https to wss
	file := string(roost.CleanThingID(k.Name)) + ".keys"
	return &struct{ Body MadeGateway }{MadeGateway{
		Gateway: shownKey(k),
		KeyFile: string(wire.Keys{Secret: k.Secret, Private: k.Private}.Text()),
		Command: "roost gateway --hub " + hub + " --key-file " + file,
	}}, nil
}

type gatewayPath struct {
	ID string `path:"id" maxLength:"64" example:"9q8w7e6r5t4y3u2i" doc:"The id of the gateway's key."`
}

func (s *Server) revokeGateway(ctx context.Context, in *gatewayPath) (*struct{}, error) {
	id, _, _ := strings.Cut(in.ID, "~")
	if id == keyFileID {
		return nil, roost.Errorf(roost.Conflict, "This key stands in the server's key file; take it away there and start Roost again.")
	}
	if err := s.Accounts.RevokeGatewayKey(ctx, callerOf(ctx).actor, s.project, id); err != nil {
		return nil, err
	}
	if s.Revoked != nil {
		s.Revoked(id)
	}
	return nil, nil
}
