package web

import (
	"context"
	"net/http"
)

// Site is how this server shows itself, and what a page must know before anybody
// has signed in.
type Site struct {
	Title     string `json:"title" example:"Roost"`
	Logo      string `json:"logo" example:"/site/logo.svg" doc:"An address; empty: Roost's own."`
	Favicon   string `json:"favicon" doc:"An address; empty: Roost's own."`
	CameraURL string `json:"cameraUrl" example:"http://192.0.2.9/stream.mjpg" doc:"A picture or an MJPEG stream; empty: none."`
	MapTiles  string `json:"mapTiles" example:"/tiles/{z}/{x}/{y}.png" doc:"Of pictures of 256 pixels; empty: the map has no background."`
	SignIn    string `json:"signIn" enum:"people,password,none"`
	Kind      string `json:"kind" enum:"server,dashboard"`
	MQTT      string `json:"mqtt" example:":1883" doc:"Where things find the door; empty: it is off. So with the others."`
	MQTTSN    string `json:"mqttsn" example:":1885"`
	CoAP      string `json:"coap" example:":5683"`
}

// The kinds of a Site.
const (
	SiteServer    = "server"
	SiteDashboard = "dashboard" // the page of a broker elsewhere
)

// How people sign in.
const (
	signInPeople   = "people"
	signInPassword = "password"
	signInNone     = "none"
)

// signInAs is how people get in here.
func (s *Server) signInAs() string {
	switch {
	case s.Public != "":
		return signInNone
	case s.OnlyPerson != "":
		return signInPassword
	}
	return signInPeople
}

func (s *Server) site(context.Context, *struct{}) (*struct{ Body Site }, error) {
	return &struct{ Body Site }{s.shownSite()}, nil
}

func (s *Server) shownSite() Site {
	site := s.Site
	if site.Title == "" {
		site.Title = "Roost"
	}
	if site.Kind == "" {
		site.Kind = SiteServer
	}
	site.SignIn = s.signInAs()
	return site
}

// SitePath is where Config.Files are served.
const SitePath = "/site/"

// files serves the pictures that main read from disk: a logo, a favicon.
func (s *Server) files() http.HandlerFunc {
	all := map[string]*asset{}
	for name, body := range s.Files {
		all[SitePath+name] = newAsset(name, body)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		file := all[r.URL.Path]
		if file == nil {
			http.NotFound(w, r)
			return
		}
		file.serve(w, r, false)
	}
}
