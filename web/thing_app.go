package web

import "github.com/roost-iot/roost"

// thingApps finds the apps of things; for lists, it knows the names already.
type thingApps struct {
	s     *Server
	names map[roost.AppID]string
}

func (s *Server) appsOfThings() thingApps {
	apps := thingApps{s: s}
	if s.Releases != nil {
		apps.names = map[roost.AppID]string{}
		for _, a := range s.Releases.Apps(s.project) {
			apps.names[a.ID] = a.Name
		}
	}
	return apps
}

// of gives the app of a thing; that of things that have none yet does not count.
func (a thingApps) of(ref roost.Ref) ThingApp {
	if len(a.names) == 0 {
		return ThingApp{}
	}
	sw, ok := a.s.Releases.Software(ref)
	if !ok || sw.App == "" || sw.App == roost.NoApp {
		return ThingApp{}
	}
	return ThingApp{ID: string(sw.App), Name: a.names[sw.App], Pool: sw.Pool, Version: sw.Version}
}

// appOf gives the app of one thing.
func (s *Server) appOf(ref roost.Ref) ThingApp {
	if s.Releases == nil {
		return ThingApp{}
	}
	sw, ok := s.Releases.Software(ref)
	if !ok || sw.App == "" || sw.App == roost.NoApp {
		return ThingApp{}
	}
	a, err := s.Releases.App(ref.Project, sw.App)
	if err != nil { // deleted meanwhile
		return ThingApp{}
	}
	return ThingApp{ID: string(sw.App), Name: a.Name, Pool: sw.Pool, Version: sw.Version}
}
