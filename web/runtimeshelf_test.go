package web

import (
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/agent"
)

func goodRuntimeShelfCalls(h *house, ada *browser) map[string]func() good {
	shelved := func(path string) func() good {
		return func() good {
			ada.want(201, "POST", "/runtimes", roomtest.Zip(h.t, roomtest.Runtime(h.t, "0.9.0")), "Content-Type", zipType)
			return good{path: path}
		}
	}
	return map[string]func() good{
		"list-runtimes":     shelved("/runtimes"),
		"get-runtime-zip":   shelved("/runtimes/0.9.0/zip"),
		"get-runtime-texts": shelved("/runtimes/0.9.0/texts?down=true"),
		"remove-runtime":    shelved("/runtimes/0.9.0"),
		"add-runtime": func() good {
			return good{path: "/runtimes", body: roomtest.Zip(h.t, roomtest.Runtime(h.t, "0.9.0")), kind: zipType}
		},
		"sign-runtime": func() good {
			g := shelved("/runtimes/0.9.0/signatures")()
			g.body = h.signedRuntime(ada, "0.9.0")
			return g
		},
	}
}

// signedRuntime is what an owner sends who signs a runtime.
func (h *house) signedRuntime(ada *browser, version string) map[string]any {
	h.t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	sigs := map[string]string{}
	for form, text := range ada.want(200, "GET", "/runtimes/"+version+"/texts", nil)["texts"].(map[string]any) {
		sigs[form] = wire.Sign(private, text.(string))
	}
	return map[string]any{"public": hex.EncodeToString(public), "signatures": sigs}
}

func TestRuntimesComeAsFilesAndGo(t *testing.T) {
	h := open(t)
	ada := h.owner()
	zip := roomtest.Zip(t, roomtest.Runtime(t, "0.9.0"))
	put := func(status int, body string) map[string]any {
		t.Helper()
		return ada.want(status, "POST", "/runtimes", body, "Content-Type", zipType)
	}
	if made := put(201, zip); made["version"] != "0.9.0" || made["origin"] != "file" || made["own"] != false {
		t.Errorf("made: %v", made)
	}
	for body, says := range map[string]string{
		zip:                 "already",
		osRelease("v1.1.0"): "PythingsOS",
		"\xe9no zip":        "no zip",
	} {
		status := 422
		if body == zip {
			status = 409
		}
		if p := put(status, body); !strings.Contains(p["detail"].(string), says) {
			t.Errorf("%s: %v", says, p["detail"])
		}
	}
	ada.want(204, "PUT", "/runtimes/0.9.0/signatures", h.signedRuntime(ada, "0.9.0"))
	wrong := h.signedRuntime(ada, "0.9.0")
	wrong["public"] = strings.Repeat("ab", 32)
	ada.want(422, "PUT", "/runtimes/0.9.0/signatures", wrong)
	list := listAt(ada.want(200, "GET", "/runtimes", nil), "runtimes")
	if len(list) != 1 || len(field(list[0], "owners").([]any)) != 1 {
		t.Errorf("list: %v", list)
	}
	res, raw := ada.send("GET", "/runtimes/0.9.0/zip", nil)
	back, err := wire.ReadBundle(strings.NewReader(string(raw)), int64(len(raw)))
	if res.StatusCode != 200 || err != nil || len(back.Signatures) != len(back.Texts) || !strings.Contains(res.Header.Get("Content-Disposition"), "roost-runtime-0.9.0.zip") {
		t.Errorf("downloaded: %s, %v, %d signatures", res.Status, err, len(back.Signatures))
	}

	app := ada.app("Greenhouse")
	ada.want(200, "PATCH", "/apps/"+app+"/pools/development", map[string]any{"settings": map[string]any{"os": "0.9.0"}})
	if p := ada.want(409, "DELETE", "/runtimes/0.9.0", nil); !strings.Contains(p["detail"].(string), `Pool "development" of Greenhouse`) {
		t.Errorf("in use: %v", p)
	}
	ada.want(200, "PATCH", "/apps/"+app+"/pools/development", map[string]any{"settings": map[string]any{"os": "latest"}})
	h.as(ada, "operator").want(403, "DELETE", "/runtimes/0.9.0", nil)
	ada.want(204, "DELETE", "/runtimes/0.9.0", nil)
	ada.want(404, "DELETE", "/runtimes/0.9.0", nil)
	ada.want(404, "GET", "/runtimes/0.9.0/zip", nil)
	ada.want(422, "PATCH", "/apps/"+app+"/pools/development", map[string]any{"settings": map[string]any{"os": "0.9.0"}})
	h.wantAudit("runtime.add", "runtime.sign", "runtime.remove")
}
