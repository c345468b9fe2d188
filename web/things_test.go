package web

import (
	"testing"

	"github.com/roost-iot/roost"
)

func TestApprovedThingIsAskedForItsResources(t *testing.T) {
	h := open(t)
	ada := h.owner()
	l := h.arrive("node1", false)
	w := h.watch(ada, `{"subscribe":{"types":["thing"]}}`)

	if got := ada.want(200, "GET", "/things/node1", nil); got["state"] != "waiting" || len(got["resources"].([]any)) != 0 {
		t.Errorf("before approval: %v", got)
	}
	ada.want(409, "POST", "/things/node1/commands", map[string]any{"resource": "led", "value": 1})
	if got := ada.want(200, "POST", "/things/node1/approve", nil); got["state"] != "enrolled" {
		t.Errorf("after approval: %v", got)
	}
	if c := <-l.sent; c.Kind != roost.Refresh || c.By != "ada" {
		t.Errorf("the thing was sent %+v", c)
	}
	if e := w.next(); e["type"] != "thing" || e["data"].(map[string]any)["state"] != "enrolled" {
		t.Errorf("the stream said %v", e)
	}
	h.report("node1", "temperature", `"24.1°C"`)
	h.report("node1", "name", `" Greenhouse "`)
	got := ada.want(200, "GET", "/things/node1", nil)
	r := got["resources"].([]any)[0].(map[string]any)
	if got["name"] != "Greenhouse" || r["value"] != "24.1°C" || r["kind"] != "number" || r["number"] != 24.1 || r["unit"] != "°C" {
		t.Errorf("the thing is %v", got)
	}
	ada.want(200, "PATCH", "/things/node1", map[string]any{"tags": []string{"lab"}})
	if e := w.next(); e["data"].(map[string]any)["name"] != "Greenhouse" {
		t.Errorf("the stream does not know the name that the thing gave itself: %v", e)
	}
}

func TestDeletedThingLosesItsReadings(t *testing.T) {
	h := open(t)
	ada := h.owner()
	l := h.arrive("node1", true)
	h.report("node1", "temperature", `21.5`)
	h.report("node1", "mood", `"fine"`)
	readings := func() (numbers, texts int) {
		n := ada.want(200, "GET", "/things/node1/readings?resource=temperature", nil)
		x := ada.want(200, "GET", "/things/node1/readings?resource=mood", nil)
		return len(n["numbers"].([]any)), len(x["texts"].([]any))
	}
	eventually(t, "readings are stored", func() bool { n, x := readings(); return n == 1 && x == 1 })

	ada.want(204, "DELETE", "/things/node1", nil)
	ada.want(404, "GET", "/things/node1", nil)
	ada.want(404, "GET", "/things/node1/readings?resource=temperature", nil)
	if reason := <-l.closed; reason == "" {
		t.Error("the thing was cut off without a reason")
	}
	h.arrive("node1", true)
	if n, x := readings(); n+x != 0 {
		t.Errorf("the new thing of that name has %d numbers and %d texts", n, x)
	}
}

func TestListFindsThings(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", true)
	h.arrive("node2", true)
	h.arrive("stranger", false)
	h.report("node2", "pressure", `"1013hPa"`)
	ada.want(200, "PATCH", "/things/node1", map[string]any{"name": "Attic fan", "tags": []string{"lab", "fan"}})
	h.arrive("noise", false)
	ada.want(200, "POST", "/things/noise/ignore", nil)

	for query, want := range map[string]int{
		"": 3, "?q=ATTIC%20f": 1, "?q=press": 1, "?q=nobody": 0, "?state=waiting": 1, "?state=ignored": 1,
		"?tag=lab": 1, "?tag=la": 0, "?protocol=coap": 3, "?online=false": 0, "?online=true&state=enrolled": 2,
	} {
		got := ada.want(200, "GET", "/things"+query, nil)
		if n := len(got["things"].([]any)); n != want {
			t.Errorf("/things%s gives %d things, want %d", query, n, want)
		}
		if got["total"] != 2.0 || got["online"] != 2.0 || got["waiting"] != 1.0 {
			t.Errorf("/things%s counts %v, %v, %v", query, got["total"], got["online"], got["waiting"])
		}
	}
	ada.want(409, "POST", "/things/node1/ignore", nil)
	got := ada.want(200, "PATCH", "/things/node1", map[string]any{"name": ""})
	if got["name"] != "node1" || len(got["tags"].([]any)) != 2 {
		t.Errorf("without its name: %v", got)
	}
}

func TestCommandFollowsTheThing(t *testing.T) {
	h := open(t)
	ada := h.owner()
	l := h.arrive("node1", true)
	w := h.watch(ada, `{"subscribe":{"types":["command"]}}`)
	c := ada.want(202, "POST", "/things/node1/commands", `{"resource":"led","value": { "on" : true }}`)
	if c["state"] != "queued" || c["by"] != "ada" {
		t.Errorf("the command is %v", c)
	}
	if sent := <-l.sent; sent.Value != `{"on":true}` || sent.Resource != "led" {
		t.Errorf("the thing was sent %+v", sent)
	}
	h.report("node1", "led", `{"on":true}`)
	for state := ""; state != "done"; {
		state = w.next()["data"].(map[string]any)["state"].(string)
	}
	eventually(t, "the command is done", func() bool {
		return ada.want(200, "GET", "/commands/"+c["id"].(string), nil)["state"] == "done"
	})
	ada.want(409, "DELETE", "/commands/"+c["id"].(string), nil)
	if all := ada.want(200, "GET", "/things/node1/commands", nil)["commands"].([]any); len(all) != 1 {
		t.Errorf("the thing has the commands %v", all)
	}
	ada.want(422, "POST", "/things/node1/commands", `{"resource":"led"}`)
	ada.want(202, "POST", "/things/node1/commands", `{"kind":"refresh","resource":""}`)
	if sent := <-l.sent; sent.Kind != roost.Refresh {
		t.Errorf("the thing was sent %+v", sent)
	}
}
