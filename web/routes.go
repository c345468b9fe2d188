package web

import (
	"net/http"

	"github.com/roost-iot/roost/account"
)

// routes is everything that is served, by who may ask for it.
func (s *Server) routes() {
	s.publicRoutes()
	s.viewRoutes()
	s.operateRoutes()
	s.ownRoutes()
	s.accountRoutes()
	s.deviceRoutes()
	s.newBoardRoutes()
	s.runtimeRoutes()
	s.firmwareRoutes()
	s.trialRoutes()
	s.legacyRoutes()
	if s.Releases != nil {
		s.appRoutes()
	}

	s.mux.HandleFunc("GET /api/v2/stream", s.stream)
	s.mux.HandleFunc("GET /api/v2/openapi.json", s.document())
	s.mux.HandleFunc("/api/", s.unknown)
	s.mux.HandleFunc("GET /docs", s.docsPage())
	s.mux.HandleFunc("GET /docs/docs.css", s.docsStyle())
	s.mux.HandleFunc("GET "+SitePath, s.files())
	s.mux.HandleFunc("GET /healthz", s.healthz)
	s.mux.HandleFunc("GET /readyz", s.readyz)
	s.mux.Handle("GET /metrics", s.metrics())
	s.mux.Handle("/", newPages())
}

func (s *Server) publicRoutes() {
	add(s, endpoint{
		method: "GET", path: "/session", id: "get-session", tag: tagSession,
		summary: "Who is signed in", detail: "Also says whether the server still waits for its set-up.",
	}, s.session)
	add(s, endpoint{
		method: "POST", path: "/setup", id: "set-up", tag: tagSession, errors: []int{403, 409, 429},
		summary: "Make the first owner", detail: "Works once, with the token of the link that Roost prints at its first start. Signs in.",
	}, s.setUp)
	add(s, endpoint{
		method: "POST", path: "/session", id: "sign-in", tag: tagSession, errors: []int{401, 403, 429},
		summary: "Sign in", detail: "Sets the session cookie. After several wrong tries the answer is 429 with Retry-After.",
	}, s.signIn)
	add(s, endpoint{
		method: "DELETE", path: "/session", id: "sign-out", tag: tagSession, status: http.StatusNoContent, errors: []int{403},
		summary: "Sign out", detail: "Ends the session of the cookie. Without one nothing happens.",
	}, s.signOut)
	add(s, endpoint{
		method: "GET", path: "/site", id: "get-site", tag: tagSystem,
		summary: "How this server shows itself", detail: "What a page must know before anybody has signed in.",
	}, s.site)
}

func (s *Server) viewRoutes() {
	const view = account.View
	add(s, endpoint{
		method: "PUT", path: "/session/password", id: "change-password", tag: tagSession, right: view, status: http.StatusNoContent, errors: []int{429},
		summary: "Change your own password", detail: "Ends your other sessions.",
	}, s.changePassword)
	add(s, endpoint{
		method: "GET", path: "/things", id: "list-things", tag: tagThings, right: view,
		summary: "List things", detail: "Ignored things are left out unless asked for by state. The counts are of all things, not of those that match.",
	}, s.listThings)
	add(s, endpoint{
		method: "GET", path: "/things/{id}", id: "get-thing", tag: tagThings, right: view, summary: "Get a thing",
	}, s.getThing)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/resources", id: "list-resources", tag: tagThings, right: view,
		summary: "List what a thing last said", detail: "In the order in which the resources were first heard.",
	}, s.listResources)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/readings", id: "list-readings", tag: tagReadings, right: view,
		summary: "Get the readings of a resource",
		detail:  "Numbers are thinned to at most `points` buckets, oldest first; a bucket with `n` = 1 is a raw reading at its own time. Values that are no numbers come as they were sent, newest first, at most 1,000.",
	}, s.listReadings)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/commands", id: "list-commands", tag: tagCommands, right: view,
		summary: "List the commands of a thing", detail: "Newest first.",
	}, s.listCommands)
	add(s, endpoint{
		method: "GET", path: "/commands/{id}", id: "get-command", tag: tagCommands, right: view, summary: "Get a command",
	}, s.getCommand)
	add(s, endpoint{
		method: "GET", path: "/users", id: "list-users", tag: tagPeople, right: view, summary: "List people",
	}, s.listUsers)
	add(s, endpoint{
		method: "GET", path: "/tokens", id: "list-tokens", tag: tagPeople, right: view,
		summary: "List API tokens", detail: "Without their secrets, which nobody can ask for.",
	}, s.listTokens)
	add(s, endpoint{
		method: "GET", path: "/gateways", id: "list-gateways", tag: tagKeys, right: view,
		summary: "List far gateways", detail: "A row for each that is here, and for each key that none has come by.",
	}, s.listGateways)
	add(s, endpoint{
		method: "GET", path: "/credentials", id: "list-credentials", tag: tagKeys, right: view,
		summary: "List the credentials of things", detail: "Without their passwords, which nobody can ask for.",
	}, s.listCredentials)
	add(s, endpoint{
		method: "GET", path: "/system", id: "get-system", tag: tagSystem, right: view, summary: "How the server is doing",
	}, s.system)
}

func (s *Server) operateRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "PATCH", path: "/things/{id}", id: "change-thing", tag: tagThings, right: operate,
		summary: "Name or tag a thing, choose its widgets", detail: "What is left out stays. An empty name takes the given one away, an empty widget that choice.",
	}, s.changeThing)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/approve", id: "approve-thing", tag: tagThings, right: operate, errors: []int{409},
		summary: "Let a waiting thing in", detail: "If it is there, it is asked for its resources. 409 when several keys were asked for in its name and none is named.",
	}, s.approveThing)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/ignore", id: "ignore-thing", tag: tagThings, right: operate, errors: []int{409},
		summary: "Put a waiting thing out of sight", detail: "An enrolled one has to be deleted instead.",
	}, s.ignoreThing)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/commands", id: "send-command", tag: tagCommands, right: operate,
		status: http.StatusAccepted, errors: []int{409, 429},
		summary: "Ask something of a thing",
		detail:  "Queues a command and answers at once; its state then follows what the thing says. It is never done without the thing's own word. The command itself is the record of who asked.",
	}, s.sendCommand)
	add(s, endpoint{
		method: "DELETE", path: "/commands/{id}", id: "cancel-command", tag: tagCommands, right: operate, errors: []int{409},
		summary: "Take a command back", detail: "Only while it is queued.",
	}, s.cancelCommand)
	add(s, endpoint{
		method: "POST", path: "/credentials", id: "add-credential", tag: tagKeys, right: operate,
		status: http.StatusCreated, errors: []int{409},
		summary: "Give a thing a password",
		detail:  "For the MQTT doors. It stands in this answer and nowhere else, ever again. From then on the thing may not come without it, and needs no approval with it.",
	}, s.addCredential)
	add(s, endpoint{
		method: "DELETE", path: "/credentials/{id}", id: "remove-credential", tag: tagKeys, right: operate, status: http.StatusNoContent,
		summary: "Free a thing of its password", detail: "It may come back without, as any stranger.",
	}, s.removeCredential)
	add(s, endpoint{
		method: "POST", path: "/simulated", id: "start-simulated", tag: tagSystem, right: operate,
		status: http.StatusAccepted, errors: []int{404, 429},
		summary: "Start a simulated thing", detail: "It speaks the real protocol over the network. Only where `simulator` of the system is true.",
	}, s.startSimulated)
}

func (s *Server) ownRoutes() {
	const own = account.Own
	add(s, endpoint{
		method: "DELETE", path: "/things/{id}", id: "delete-thing", tag: tagThings, right: own, status: http.StatusNoContent,
		summary: "Delete a thing", detail: "With its readings, messages, commands and runs. If it is alive, it appears again as unknown.",
	}, s.deleteThing)
	add(s, endpoint{
		method: "POST", path: "/users", id: "add-user", tag: tagPeople, right: own, status: http.StatusCreated, errors: []int{409},
		summary: "Add a person",
	}, s.addUser)
	add(s, endpoint{
		method: "PATCH", path: "/users/{id}", id: "change-user", tag: tagPeople, right: own, errors: []int{409},
		summary: "Change a role or set a password", detail: "A new password ends the person's sessions. The last owner stays owner.",
	}, s.changeUser)
	add(s, endpoint{
		method: "DELETE", path: "/users/{id}", id: "remove-user", tag: tagPeople, right: own, status: http.StatusNoContent, errors: []int{409},
		summary: "Remove a person", detail: "With their sessions and tokens. The last owner stays.",
	}, s.removeUser)
	add(s, endpoint{
		method: "POST", path: "/tokens", id: "add-token", tag: tagPeople, right: own, status: http.StatusCreated,
		summary: "Make an API token", detail: "Its secret is in this answer and nowhere else, ever again.",
	}, s.addToken)
	add(s, endpoint{
		method: "DELETE", path: "/tokens/{id}", id: "remove-token", tag: tagPeople, right: own, status: http.StatusNoContent,
		summary: "End an API token",
	}, s.removeToken)
	add(s, endpoint{
		method: "POST", path: "/gateways", id: "add-gateway", tag: tagKeys, right: own, status: http.StatusCreated, errors: []int{409},
		summary: "Make a key for a far gateway", detail: "The key file is in this answer and nowhere else, ever again.",
	}, s.addGateway)
	add(s, endpoint{
		method: "DELETE", path: "/gateways/{id}", id: "revoke-gateway", tag: tagKeys, right: own, status: http.StatusNoContent, errors: []int{409},
		summary: "Revoke the key of a far gateway", detail: "Who came by it is cut off at once.",
	}, s.revokeGateway)
}

// accountRoutes are what everybody may do with what is their own.
func (s *Server) accountRoutes() {
	const view = account.View
	add(s, endpoint{
		method: "GET", path: "/account", id: "get-account", tag: tagAccount, right: view,
		summary: "Get your account", detail: "For people, not for tokens.",
	}, s.getAccount)
	add(s, endpoint{
		method: "PATCH", path: "/account", id: "change-account", tag: tagAccount, right: view,
		summary: "Change your e-mail address or time zone", detail: "What is left out stays.",
	}, s.changeAccount)
	add(s, endpoint{
		method: "DELETE", path: "/account", id: "delete-account", tag: tagAccount, right: view, status: http.StatusNoContent, errors: []int{400, 409, 413, 415},
		summary: "Delete your account", detail: "With your sessions and tokens. What you made stays. The last owner stays, too.",
	}, s.deleteAccount)
	add(s, endpoint{
		method: "POST", path: "/account/tokens", id: "add-own-token", tag: tagAccount, right: view, status: http.StatusCreated, errors: []int{409},
		summary: "Make yourself an API token", detail: "Its secret is in this answer and nowhere else, ever again.",
	}, s.addOwnToken)
	add(s, endpoint{
		method: "DELETE", path: "/account/tokens/{id}", id: "remove-own-token", tag: tagAccount, right: view, status: http.StatusNoContent,
		summary: "End one of your own API tokens",
	}, s.removeOwnToken)
}

// deviceRoutes are for PythingsOS devices, whether or not the server has apps.
func (s *Server) deviceRoutes() {
	const view = account.View
	add(s, endpoint{
		method: "GET", path: "/things/{id}/messages", id: "list-messages", tag: tagSoftware, right: view,
		summary: "List what the worker task of a thing sent", detail: "Newest first. The newest 100,000 are kept.",
	}, s.listMessages)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/log", id: "list-log", tag: tagSoftware, right: view,
		summary: "Read the log of a thing", detail: "Newest first. The newest 1,000 lines are kept.",
	}, s.listLog)
	add(s, endpoint{
		method: "GET", path: "/pythings", id: "get-pythings", tag: tagPythings, right: view, errors: []int{404},
		summary: "What a PythingsOS device has to be told",
	}, s.getPythings)
	add(s, endpoint{
		method: "POST", path: "/pythings/keys", id: "import-key", tag: tagPythings, right: account.Own, status: http.StatusCreated, errors: []int{404, 409, 429},
		summary: "Take up the private key of another backend", detail: "So that its devices that encrypt can come here.",
	}, s.importKey)
	add(s, endpoint{
		method: "DELETE", path: "/pythings/keys/{name}", id: "remove-key", tag: tagPythings, right: account.Own, status: http.StatusNoContent,
		summary: "Forget the private key of another backend", detail: "Devices that encrypt for it can come no more. The server's own key stays.",
	}, s.removeKey)
}
