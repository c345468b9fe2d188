package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mosquitto runs mosquitto_pub, or another program that ends by itself.
func (s *server) mosquitto(program string, args ...string) (out string, err error) {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.mqtt)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	raw, err := exec.CommandContext(ctx, peerProgram(s.t, program, "mosquitto-clients"), append([]string{"-h", host, "-p", port}, args...)...).CombinedOutput()
	return string(raw), err
}

func (s *server) publish(args ...string) {
	s.t.Helper()
	if out, err := s.mosquitto("mosquitto_pub", append([]string{"-q", "1"}, args...)...); err != nil {
		s.t.Fatalf("mosquitto_pub %v: %v: %s", args, err, out)
	}
}

// listen starts mosquitto_sub, which prints "TOPIC RETAIN PAYLOAD".
func (s *server) listen(args ...string) *party {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.mqtt)
	all := append([]string{"-h", host, "-p", port, "-q", "1", "-F", "%t %r %p"}, args...)
	if path, err := exec.LookPath("stdbuf"); err == nil { // it prints line by line, and not blocks
		return join(s.t, nil, path, append([]string{"-oL", peerProgram(s.t, "mosquitto_sub", "mosquitto-clients")}, all...)...)
	}
	return join(s.t, nil, peerProgram(s.t, "mosquitto_sub", "mosquitto-clients"), all...)
}

// newToken makes a token for programs.
func (s *server) newToken(role string) string {
	s.t.Helper()
	var made struct{ Token string }
	s.call("POST", "/tokens", map[string]any{"name": role + " of a test", "role": role}, &made)
	return made.Token
}

func TestPyaiotNodeByMosquitto(t *testing.T) {
	for _, version := range []string{"mqttv311", "mqttv5"} {
		t.Run(version, func(t *testing.T) {
			s := start(t, filepath.Join(t.TempDir(), "data"))
			s.publish("-V", version, "-t", "node/check", "-m", `{"id": "wipy-1"}`)
			s.approve("wipy-1")
			board := s.listen("-V", version, "-t", "gateway/wipy-1/discover", "-t", "gateway/wipy-1/led/set", "-t", "gateway/check", "-i", "board")
			// Nobody tells when mosquitto_sub has subscribed: it says that it is there until it is asked what it has.
			eventually(t, "it is asked for its resources", func() bool {
				s.publish("-V", version, "-t", "node/check", "-m", `{"id": "wipy-1"}`)
				return board.printed("gateway/wipy-1/discover 0 resources")
			})
			s.publish("-V", version, "-t", "node/wipy-1/resources", "-m", `["name","led"]`)
			board.await("gateway/wipy-1/discover 0 values")
			s.publish("-V", version, "-t", "node/wipy-1/name", "-m", `{"value": "WiPy & MQTT"}`)
			s.publish("-V", version, "-t", "node/wipy-1/led", "-m", `{"value": "0"}`)
			s.awaitValue("wipy-1", "name", `"WiPy & MQTT"`)
			s.awaitValue("wipy-1", "led", `"0"`)
			s.awaitValue("wipy-1", "protocol", `"MQTT"`)
			c := s.send("wipy-1", "led", "é1")
			board.await("gateway/wipy-1/led/set 0 é1")
			s.awaitCommand(c.ID, "sent")
			s.publish("-V", version, "-t", "node/wipy-1/led", "-m", `{"value": "é1"}`)
			s.awaitCommand(c.ID, "done")
			s.endsWell()
		})
	}
}

func TestProgramsByMosquitto(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"))
	n := s.node("attic") // of another door
	s.approve("attic")
	s.awaitValue("attic", "led", `"0"`)
	viewer, operator := s.newToken("viewer"), s.newToken("operator")

	watch := s.listen("-V", "mqttv5", "-u", "program", "-P", viewer, "-t", "roost/+/state/#", "-t", "roost/+/online")
	watch.await(`roost/attic/state/led 1 "0"`)
	if err := n.tell(map[string]string{"temperature": "21.5°C"}); err != nil {
		t.Fatal(err)
	}
	watch.await(`roost/attic/state/temperature 0 "21.5°C"`)

	s.publish("-V", "mqttv5", "-u", "program", "-P", operator, "-t", "roost/attic/set/led", "-m", "1")
	watch.await(`roost/attic/state/led 0 "1"`)

	if out, err := s.mosquitto("mosquitto_pub", "-V", "mqttv5", "-q", "1", "-u", "program", "-P", viewer, "-t", "roost/attic/set/led", "-m", "0"); !strings.Contains(out, "ot authori") {
		t.Errorf("a viewer sets: %v %s", err, out)
	}
	if out, err := s.mosquitto("mosquitto_pub", "-V", "mqttv5", "-u", "program", "-P", "rst_wrong", "-t", "x", "-m", "0"); err == nil || !strings.Contains(strings.ToLower(out), "bad user name or password") {
		t.Errorf("a wrong token: %v %s", err, out)
	}
	if out, err := s.mosquitto("mosquitto_pub", "-V", "mqttv311", "-u", "program", "-P", "rst_wrong", "-t", "x", "-m", "0"); err == nil || !strings.Contains(strings.ToLower(out), "bad user name or password") {
		t.Errorf("a wrong token, 3.1.1: %v %s", err, out)
	}
	s.endsWell()
}

func TestPahoThing(t *testing.T) {
	for _, version := range []string{"3.1.1", "5"} {
		t.Run(version, func(t *testing.T) {
			s := start(t, filepath.Join(t.TempDir(), "data"))
			var made struct{ User, Password string }
			s.call("POST", "/credentials", map[string]any{"own": "kiln"}, &made)
			host, port, _ := net.SplitHostPort(s.mqtt)
			script := filepath.Join("testdata", "paho_thing.py")

			stranger := join(t, nil, python(t), script, host, port, version, "kiln", "wrong")
			stranger.await(map[string]string{"3.1.1": "connected 4", "5": "connected 134"}[version])
			stranger.leave()

			kiln := join(t, nil, python(t), script, host, port, version, made.User, made.Password)
			kiln.await("connected 0")
			kiln.await("subscribed 1")
			s.awaitValue("kiln", "temperature", "21.5") // it needs no approval: a person made its password
			s.confirm("kiln", "led", 1)
			kiln.await(`command {"id"`)
			s.awaitValue("kiln", "led", "1")
			if c := s.awaitCommand(s.send("kiln", "door", 1).ID, "failed"); !strings.Contains(c.Error, "there is no door") {
				t.Errorf("its own word is %q", c.Error)
			}
			kiln.tell(`readings {"temperature": 22.25, "note": "hot"}`)
			kiln.await("told")
			s.awaitValue("kiln", "temperature", "22.25")
			s.awaitValue("kiln", "note", `"hot"`)
			if h, _ := s.thing("kiln"); !h.Online {
				t.Error("it is not online")
			}
			kiln.tell("vanish")
			eventually(t, "its will says that it is gone", func() bool { h, _ := s.thing("kiln"); return !h.Online })
			s.endsWell()
		})
	}
}

// mqttJS gives the script that needs mqtt.js, which scripts/peers installs beside it.
func mqttJS(t testing.TB) string {
	t.Helper()
	folder := filepath.Join("testdata", "mqttjs")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "mqtt")); err != nil {
		if os.Getenv("ROOST_NEED_PEERS") == "1" {
			t.Fatalf("mqtt.js is not installed (scripts/peers): %v", err)
		}
		t.Skip("skipped: mqtt.js is not installed (scripts/peers)")
	}
	return filepath.Join(folder, "program.mjs")
}

func TestProgramByMQTTJSOverWebSocket(t *testing.T) {
	script, node := mqttJS(t), peerProgram(t, "node", "nodejs")
	for _, version := range []string{"4", "5"} {
		t.Run(version, func(t *testing.T) {
			s := start(t, filepath.Join(t.TempDir(), "data"))
			s.node("attic")
			s.approve("attic")
			s.awaitValue("attic", "led", `"0"`)
			p := join(t, nil, node, script,
				"ws://"+s.http+"/mqtt", version, s.newToken("operator"), "roost/attic/#")
			p.await("connected")
			p.await(map[string]string{"4": "subscribed 1", "5": "subscribed 1,1"}[version])
			eventually(t, "the last value comes as retained", func() bool {
				return strings.Contains(strings.Join(p.all(), "\n"), `message roost/attic/state/led 1 - "0"`)
			})
			p.tell("set roost/attic/set/led 1")
			p.await("done 0")
			eventually(t, "the node's confirmation comes back", func() bool {
				return strings.Contains(strings.Join(p.all(), "\n"), `message roost/attic/state/led 0 - "1"`)
			})
			if version == "5" {
				eventually(t, "the answer comes to the topic that was asked for", func() bool {
					return strings.Contains(strings.Join(p.all(), "\n"), "message answers/of/mqttjs 0 c-1 ")
				})
			}
			p.finish()
			s.endsWell()
		})
	}
}

func TestExampleScriptForBoards(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"))
	host, port, _ := net.SplitHostPort(s.mqtt)
	code := `import sys; sys.path[:0] = ["testdata", "../../deploy/examples"]
import mqtt_node as n
n.SERVER, n.PORT, n.EVERY = sys.argv[1], int(sys.argv[2]), 1
n.run()`
	join(t, []string{"PYTHONDONTWRITEBYTECODE=1"}, python(t), "-c", code, host, port)
	s.approve("wipy-1")
	s.awaitValue("wipy-1", "board", `"WiPy"`)
	s.awaitValue("wipy-1", "led", `"0"`)
	s.confirm("wipy-1", "led", "1")
	s.awaitValue("wipy-1", "led", `"1"`)
	s.endsWell()
}

func TestPasswordOfAThingBindsAtOnce(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open")
	host, port, _ := net.SplitHostPort(s.mqtt)
	script := filepath.Join("testdata", "paho_thing.py")
	stranger := join(t, nil, python(t), script, host, port, "5", "kiln")
	stranger.await("connected 0")
	s.awaitValue("kiln", "led", "0")
	var made struct {
		User, Password string
		Credential     struct{ ID string }
	}
	s.call("POST", "/credentials", map[string]any{"own": "kiln"}, &made)
	eventually(t, "who is there without it is cut", func() bool { h, _ := s.thing("kiln"); return !h.Online })
	stranger.await("connected 0")    // it comes back, as anybody may
	stranger.await("subscribed 135") // and hears nothing of what is bound
	kiln := join(t, nil, python(t), script, host, port, "5", made.User, made.Password)
	kiln.await("subscribed 1")
	s.confirm("kiln", "led", 1)
	s.call("DELETE", "/credentials/"+made.Credential.ID, nil, nil)
	kiln.await("connected 134")
	s.endsWell()
}
