package web

import "maps"

// goodCalls knows how each operation is called well. arrange makes what it needs.
func goodCalls(h *house, ada *browser) map[string]func() good {
	plain := func(path string, body any) func() good { return func() good { return good{path: path, body: body} } }
	user := func() string {
		return ada.want(201, "POST", "/users", map[string]any{"name": "grace", "password": password, "role": "viewer"})["id"].(string)
	}
	token := func() string {
		return ada.want(201, "POST", "/tokens", map[string]any{"name": "ci", "role": "viewer"})["id"].(string)
	}
	sent := func(thing string) string {
		c := ada.want(202, "POST", "/things/"+thing+"/commands", `{"resource":"led","value":1}`)
		return c["id"].(string)
	}
	gateway := func() string {
		made := ada.want(201, "POST", "/gateways", map[string]any{"name": "roof"})
		return made["gateway"].(map[string]any)["id"].(string)
	}
	credential := func() string {
		made := ada.want(201, "POST", "/credentials", map[string]any{"own": "kitchen"})
		return made["credential"].(map[string]any)["id"].(string)
	}
	trial := func() string {
		return ada.want(201, "POST", "/trials", map[string]any{"files": map[string]string{"app.py": "x"}})["id"].(string)
	}
	calls := map[string]func() good{
		"start-trial":        plain("/trials", map[string]any{"files": map[string]string{"app.py": "x"}}),
		"send-trial-message": func() good { return good{path: "/trials/" + trial() + "/message", body: map[string]any{"data": 1}} },
		"run-trial-shell":    func() good { return good{path: "/trials/" + trial() + "/shell", body: map[string]any{"line": "1"}} },
		"set-trial-inputs": func() good {
			return good{path: "/trials/" + trial() + "/inputs", body: map[string]any{"adc": map[string]int{"0": 5}}}
		},
		"replace-trial-files": func() good {
			return good{path: "/trials/" + trial() + "/files", body: map[string]any{"files": map[string]string{"app.py": "y"}}}
		},
		"end-trial":         func() good { return good{path: "/trials/" + trial()} },
		"get-site":          plain("/site", nil),
		"list-gateways":     func() good { gateway(); return good{path: "/gateways"} },
		"add-gateway":       plain("/gateways", map[string]any{"name": "roof"}),
		"revoke-gateway":    func() good { return good{path: "/gateways/" + gateway()} },
		"list-credentials":  func() good { credential(); return good{path: "/credentials"} },
		"add-credential":    plain("/credentials", map[string]any{"own": "kitchen"}),
		"remove-credential": func() good { return good{path: "/credentials/" + credential()} },
		"get-session":       plain("/session", nil),
		"sign-in":           plain("/session", map[string]any{"name": "Ada", "password": password}),
		"sign-out":          plain("/session", nil),
		"change-password":   plain("/session/password", map[string]any{"current": password, "password": "another good one"}),
		"list-things":       plain("/things?q=node&online=true&state=enrolled&protocol=CoAP", nil),
		"get-thing":         plain("/things/node1", nil),
		"list-resources":    plain("/things/node1/resources", nil),
		"list-readings":     plain("/things/node1/readings?resource=temperature&from=1&to=2000000000000&points=10", nil),
		"list-commands":     func() good { sent("node1"); return good{path: "/things/node1/commands?limit=5"} },
		"get-command":       func() good { return good{path: "/commands/" + sent("node1")} },
		"list-users":        plain("/users", nil),
		"list-tokens":       func() good { token(); return good{path: "/tokens"} },
		"get-system":        plain("/system", nil),
		"change-thing":      plain("/things/node1", map[string]any{"name": "Attic", "tags": []string{"lab"}, "widgets": map[string]string{"temperature": "gauge"}}),
		"approve-thing":     plain("/things/stranger/approve", nil),
		"ignore-thing":      plain("/things/stranger/ignore", nil),
		"send-command":      plain("/things/node1/commands", `{"kind":"set","resource":"led","value":{"on":true},"expires_in":5}`),
		"cancel-command": func() good { // one is in flight, the next waits
			sent("busy")
			return good{path: "/commands/" + sent("busy")}
		},
		"start-simulated": plain("/simulated", map[string]any{"kind": "coap"}),
		"delete-thing":    plain("/things/node1", nil),
		"add-user":        plain("/users", map[string]any{"name": "grace", "password": password, "role": "operator"}),
		"change-user":     func() good { return good{path: "/users/" + user(), body: map[string]any{"role": "operator"}} },
		"remove-user":     func() good { return good{path: "/users/" + user()} },
		"add-token":       plain("/tokens", map[string]any{"name": "ci", "role": "operator", "expires_in_days": 30}),
		"remove-token":    func() good { return good{path: "/tokens/" + token()} },
	}
	maps.Copy(calls, goodAppCalls(ada))
	maps.Copy(calls, goodSoftwareCalls(h, ada))
	maps.Copy(calls, goodShelfCalls(ada))
	maps.Copy(calls, goodBoardCalls(h, ada))
	maps.Copy(calls, goodRuntimeCalls(h, ada))
	maps.Copy(calls, goodRuntimeShelfCalls(h, ada))
	maps.Copy(calls, goodAccountCalls(ada))
	maps.Copy(calls, goodNewBoardCalls(ada))
	return calls
}
