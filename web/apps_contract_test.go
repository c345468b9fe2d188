package web

import (
	"strconv"

	"github.com/roost-iot/roost"
)

// goodAppCalls knows how the operations of apps are called well.
func goodAppCalls(ada *browser) map[string]func() good {
	in := func(app func() string, path string, body any) func() good {
		return func() good { return good{path: "/apps/" + app() + path, body: body} }
	}
	fresh := func() string { return ada.app("Greenhouse") }
	edited := func() string {
		app := fresh()
		ada.want(200, "PUT", "/apps/"+app+"/files/helper.py", map[string]any{"content": "x = 1\n"})
		return app
	}
	pooled := func() string {
		app := fresh()
		ada.want(201, "POST", "/apps/"+app+"/pools", map[string]any{"name": "attic", "kind": "staging"})
		return app
	}
	tagged := func() string {
		app := fresh()
		ada.want(200, "PUT", "/apps/"+app+"/tags/v1.0", map[string]any{"commit": ada.newest(app)})
		return app
	}
	commitOf := func(suffix string) func() good {
		return func() good {
			app := fresh()
			first := ada.newest(app)
			ada.want(201, "POST", "/apps/"+app+"/commits", map[string]any{"files": map[string]string{"worker_task.py": goodWorker, "management_task.py": goodManage}})
			return good{path: "/apps/" + app + "/commits/" + first + suffix}
		}
	}
	return map[string]func() good{
		"list-apps": func() good { fresh(); return good{path: "/apps"} },
		"add-app": func() good {
			return good{path: "/apps", body: map[string]any{"name": "Greenhouse", "management": 5, "worker": 10, "latest": false, "os": "factory"}}
		},
		"get-app":     in(tagged, "", nil),
		"change-app":  in(pooled, "", map[string]any{"name": "Attic", "defaultPool": "attic", "admits": true, "checked": false}),
		"delete-app":  in(ada.installed, "", nil),
		"tell-app":    in(ada.installed, "/messages", `{"value":{"led":1},"pool":"development"}`),
		"add-pool":    in(fresh, "/pools", map[string]any{"name": "attic", "kind": "production"}),
		"change-pool": in(pooled, "/pools/attic", map[string]any{"name": "roof", "kind": "development", "settings": map[string]any{"worker": 7, "tls": false}}),
		"delete-pool": in(pooled, "/pools/attic", nil),

		"list-files":     in(edited, "/files", nil),
		"save-file":      in(fresh, "/files/helper.py", map[string]any{"content": "x = 1\n"}),
		"delete-file":    in(edited, "/files/helper.py", nil),
		"rename-file":    in(edited, "/files/helper.py/rename", map[string]any{"to": "other.py"}),
		"discard-files":  in(edited, "/discard", map[string]any{"name": "helper.py"}),
		"check-files":    in(fresh, "/check", map[string]any{"files": map[string]string{"worker_task.py": "def broken(:\n"}}),
		"list-commits":   in(tagged, "/commits", nil),
		"get-commit":     commitOf(""),
		"restore-commit": commitOf("/restore"),
		"add-commit":     in(edited, "/commits", map[string]any{"message": "Help"}),
		"set-tag": func() good {
			app := fresh()
			return good{path: "/apps/" + app + "/tags/v1.0", body: map[string]any{"commit": ada.newest(app)}}
		},
		"delete-tag":  in(tagged, "/tags/v1.0", nil),
		"get-app-zip": in(fresh, "/zip", nil),
		"import-app": func() good {
			body := zipped("worker_task.py", goodWorker, "management_task.py", goodManage)
			return good{path: "/apps/" + fresh() + "/import?message=Laptop", body: body, kind: zipType}
		},
	}
}

// goodSoftwareCalls knows it of what runs on things.
func goodSoftwareCalls(h *house, ada *browser) map[string]func() good {
	on := func(path string, body any) func() good {
		return func() good { return good{path: "/things/bench" + path, body: body} }
	}
	return map[string]func() good{
		"get-software": func() good { ada.installed(); return good{path: "/things/bench/software"} },
		"install-app": func() good {
			return good{path: "/things/bench/app", body: map[string]any{"app": ada.app("Greenhouse"), "pool": "staging"}}
		},
		"uninstall-app":       func() good { ada.installed(); return good{path: "/things/bench/app"} },
		"move-thing":          func() good { ada.installed(); return on("/pool", map[string]any{"pool": "production"})() },
		"change-own-settings": func() good { ada.installed(); return on("/settings", `{"worker":9,"tls":null}`)() },
		"reregister-thing":    on("/reregister", nil),
		"list-sessions":       on("/sessions?before=2000000000000&limit=5", nil),
		"list-messages": func() good {
			err := h.Telemetry.RecordMessage(h.t.Context(), roost.WorkerMessage{Ref: h.server.ref("bench"), Data: `{"n":1}`})
			if err != nil {
				h.t.Fatal(err)
			}
			return good{path: "/things/bench/messages?from=1&to=" + strconv.FormatInt(2e12, 10) + "&before=999999&limit=5"}
		},
		"list-log": func() good {
			h.Telemetry.Write(roost.LogLine{Ref: h.server.ref("bench"), Level: "error", Text: "worker KO", Detail: "Traceback"})
			return good{path: "/things/bench/log?before=999999&limit=5"}
		},
	}
}

// goodShelfCalls knows it of the OS shelf and of what devices must be told.
func goodShelfCalls(ada *browser) map[string]func() good {
	shelved := func() { ada.want(201, "POST", "/shelf?version=v1.1.0", osRelease("v1.1.0"), "Content-Type", zipType) }
	return map[string]func() good{
		"list-shelf":       func() good { shelved(); return good{path: "/shelf"} },
		"add-release":      func() good { return good{path: "/shelf?version=v1.1.0", body: osRelease("v1.1.0"), kind: zipType} },
		"remove-release":   func() good { shelved(); return good{path: "/shelf/v1.1.0"} },
		"get-platform-zip": func() good { shelved(); return good{path: "/shelf/v1.1.0/Python.zip"} },
		"get-pythings":     func() good { return good{path: "/pythings"} },
		"import-key": func() good {
			return good{path: "/pythings/keys", body: map[string]any{"name": "cloud", "pem": "-----BEGIN PRIVATE KEY-----"}}
		},
		"remove-key": func() good {
			ada.want(201, "POST", "/pythings/keys", map[string]any{"name": "cloud", "pem": "-----BEGIN PRIVATE KEY-----"})
			return good{path: "/pythings/keys/cloud"}
		},
	}
}

// installed makes an app, installs it on the bench's device and gives its id.
func (b *browser) installed() string {
	b.t.Helper()
	app := b.app("Greenhouse")
	b.want(200, "PUT", "/things/bench/app", map[string]any{"app": app})
	return app
}

// newest gives the id of the newest commit of an app.
func (b *browser) newest(app string) string {
	b.t.Helper()
	return b.want(200, "GET", "/apps/"+app, nil)["newest"].(map[string]any)["id"].(string)
}

// goodAccountCalls knows how people do well with what is their own.
func goodAccountCalls(ada *browser) map[string]func() good {
	return map[string]func() good{
		"get-account": func() good { return good{path: "/account"} },
		"change-account": func() good {
			return good{path: "/account", body: map[string]any{"email": "ada@example.org", "timeZone": "Europe/Rome"}}
		},
		"delete-account": func() good { // another owner stays
			ada.want(201, "POST", "/users", map[string]any{"name": "grace", "password": password, "role": "owner"})
			return good{path: "/account", body: map[string]any{"name": "Ada"}}
		},
		"add-own-token": func() good {
			return good{path: "/account/tokens", body: map[string]any{"name": "laptop", "role": "viewer"}}
		},
		"remove-own-token": func() good {
			made := ada.want(201, "POST", "/account/tokens", map[string]any{"name": "laptop", "role": "viewer"})
			return good{path: "/account/tokens/" + made["id"].(string)}
		},
	}
}
