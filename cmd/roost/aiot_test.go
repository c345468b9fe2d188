package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// toolNamed gives one of Pyaiot's programs.
func toolNamed(t *testing.T, name string) aiotTool {
	t.Helper()
	i := slices.IndexFunc(aiotTools, func(t aiotTool) bool { return t.name == name })
	if i < 0 {
		t.Fatalf("there is no %s", name)
	}
	return aiotTools[i]
}

// asRoost gives the command line of roost that a program's stands for.
func asRoost(t *testing.T, name string, args ...string) string {
	t.Helper()
	tool := toolNamed(t, name)
	v, err := tool.read(args)
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	line, err := tool.command(v)
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return strings.Join(line, " ")
}

func TestPyaiotsProgramsByTheirOptions(t *testing.T) {
	keys := keyFile(t)
	t.Setenv("ROOST_DATA", "/data")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, want string }{
		{"aiot-broker --key-file=" + keys, "serve --data /data --http :8000 --coap off --mqtt off --mqttsn off --enrol open --pyaiot-clients open --pyaiot-auth any --key-file " + keys},
		{"aiot-broker --broker_port=8082 --debug --key_file=" + keys, "--http :8082"},
		{"aiot-broker --port=8083 --logging=debug -key-file=" + keys, "--http :8083"},
		{"aiot-coap-gateway", "gateway --doors coap --hub ws://localhost:8000 --key-file ~/.pyaiot/keys --data /data --name " + host + "-coap --coap :5683 --http off --presence 120s"},
		{"aiot-coap-gateway --interface=tap0 --coap-port=5684 --broker-host=fd00::1 --broker-port=80 --max-time=30", "--hub ws://[fd00::1]:80"},
		{"aiot-mqtt-gateway --mqtt-host=m.example --max_time=60", "gateway --doors mqtt --hub ws://localhost:8000 --key-file ~/.pyaiot/keys --data /data --name " + host + "-mqtt --mqtt-broker tcp://m.example:1886 --http off --presence 60s"},
		{"aiot-ws-gateway --gateway-port=8083", "gateway --doors ws --hub ws://localhost:8000 --key-file ~/.pyaiot/keys --data /data --name " + host + "-ws --http :8083"},
		{"aiot-dashboard", "dashboard --public --http :8080 --broker-host localhost --broker-port 8000 --title IoT Dashboard"},
		{"aiot-dashboard --port=9000 --broker-ssl --camera-url=None --logo= --static-path= --map-api-key=x", "dashboard --public --http :9000 --broker-host localhost --broker-port 8000 --title IoT Dashboard --broker-ssl"},
		{"aiot-dashboard --broker-ssl=False --camera-url=http://c/s --logo=http://l --favicon=f.ico --title=T", "--title T --camera-url http://c/s --logo http://l --favicon f.ico"},
		{"aiot-dashboard --broker-port=", "--broker-port 80 --title"},
		{"aiot-dashboard --broker_port= --broker_ssl", "--broker-port 443 --title"},
		{"aiot-dashboard --log-file-max-size=1 --log-rotate-mode=time --log-to-stderr ignored --nope", "--http :8080"},
	} {
		args := strings.Split(c.line, " ")
		if got := asRoost(t, args[0], args[1:]...); !strings.Contains(got, c.want) {
			t.Errorf("%s\n is %s\nwant %s", c.line, got, c.want)
		}
	}
}

func TestPyaiotsProgramsInUnitFiles(t *testing.T) {
	for name, value := range map[string]string{
		"BROKER_HOST": "hub.example", "BROKER_PORT": "8082", "GATEWAY_PORT": "8084", "HTTP_PORT": "8090", "STATIC_PATH": "",
		"APP_TITLE": "", "DASHBOARD_TITLE": "Lab", "APP_LOGO": "http://l", "APP_FAVICON": "http://f", "CAMERA_URL": "http://c", "BROKER_SSL": "True",
	} {
		t.Setenv(name, value)
	}
	t.Setenv("STATE_DIRECTORY", "/var/lib/gw:/var/lib/other")
	if got := asRoost(t, "aiot-ws-gateway"); !strings.Contains(got, "--data /var/lib/gw --") || !strings.Contains(got, "--hub ws://hub.example:8082") || !strings.Contains(got, "--http :8084") {
		t.Errorf("the gateway is %s", got)
	}
	want := "dashboard --public --http :8090 --broker-host hub.example --broker-port 8082 --title Lab --broker-ssl --camera-url http://c --logo http://l --favicon http://f"
	if got := asRoost(t, "aiot-dashboard", "--title="); got != want {
		t.Errorf("the page is %s", got)
	}
	if got := asRoost(t, "aiot-dashboard", "--broker-host=flag", "--web-port=1"); !strings.Contains(got, "--http :1 --broker-host flag") {
		t.Errorf("the command line does not win: %s", got)
	}
}

func TestGatewayTakesTheVariablesOfUnitFiles(t *testing.T) {
	keys := keyFile(t)
	for _, c := range []struct{ host, port, hub string }{
		{"hub.example", "8082", "ws://hub.example:8082"}, {"fd00::1", "", "ws://[fd00::1]:8000"}, {"", "80", "ws://localhost:80"},
	} {
		t.Setenv("BROKER_HOST", c.host)
		t.Setenv("BROKER_PORT", c.port)
		if got := brokerOfEnv(); got != c.hub {
			t.Errorf("%+v: the hub is %s", c, got)
		}
	}
	t.Setenv("BROKER_PORT", "many")
	if status, _, errs := cli(t, "gateway", "--key-file", keys); status == 0 || !strings.Contains(errs, "--hub") || !strings.Contains(errs, "many") {
		t.Errorf("a bad port: %d %s", status, errs)
	}
	t.Setenv("BROKER_PORT", "")
	if status, _, errs := cli(t, "gateway", "--key-file", keys); status == 0 || !strings.Contains(errs, "--hub: say where") {
		t.Errorf("without a hub: %d %s", status, errs)
	}
}

func TestPyaiotsConfigurationFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.py")
	text := "# Pyaiot's\n\nbroker_port = 8020   # a number\nbroker_host = 'hub.example'\ntitle = \"It's # one\"\nbroker_ssl = True\n" +
		"camera_url = None\nfoo = 1.5\nmax_time = '90'\nweb_port=0x1f90\ndebug = False\nlogo = u'http://l'\nfavicon = r\"C:\\f.ico\"\r\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BROKER_HOST", "env.example")
	got := asRoost(t, "aiot-dashboard", "--config="+file, "--title=flag")
	want := `dashboard --public --http :8080 --broker-host env.example --broker-port 8020 --title flag --broker-ssl --logo http://l --favicon C:\f.ico`
	if got != want {
		t.Errorf("the page is\n%s, want\n%s", got, want)
	}
	if got := asRoost(t, "aiot-mqtt-gateway", "--config="+file); !strings.Contains(got, "--presence 90s") {
		t.Errorf("one file serves all: %s", got)
	}
}

func TestFaultsOfPyaiotsProgramsAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.py")
	text := "import os\nbroker_port = os.environ['X']\n title = 'x'\nweb_port = 'many'\ntitle = True\nlogo = 'open\nbroker_host = 'a' + 'b'\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"aiot-dashboard", "--config=" + file}, []string{"line 1:", "line 2:", "line 3: it is indented", "line 6: the text has no closing quote", `line 7: "+ 'b'" stands behind the value`}},
		{[]string{"aiot-dashboard", "--config=" + file + ".missing"}, []string{"--config", "no such file"}},
		{[]string{"aiot-dashboard", "--nope", "--web-port", "--max-time=1"}, []string{"--nope: there is no such option", "--web-port: it wants a value", "--max-time: there is no such"}},
		{[]string{"aiot-coap-gateway", "--coap-port=many"}, []string{`--coap-port: "many" is no number`}},
		{[]string{"aiot-broker", "--key-file=" + file}, []string{"--key-file", "aiot-generate-keys"}},
		{[]string{"aiot-broker", "--key-file=" + file + ".missing"}, []string{"--key-file", "aiot-generate-keys"}},
	} {
		status, _, errs := cli(t, c.args...)
		for _, says := range c.says {
			if status == 0 || !strings.Contains(errs, says) {
				t.Errorf("%v: status %d, nothing of %q in:\n%s", c.args, status, says, errs)
			}
		}
	}
	sound := strings.Join(strings.Split(text, "\n")[3:5], "\n")
	if err := os.WriteFile(file, []byte(sound), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, errs := cli(t, "aiot-dashboard", "--config="+file)
	if !strings.Contains(errs, `line 1: web_port: "many" is no number`) || !strings.Contains(errs, "line 2: title: true does not fit") {
		t.Errorf("values that do not fit:\n%s", errs)
	}
}

func TestPyaiotsProgramsShowTheirOptions(t *testing.T) {
	for _, tool := range aiotTools {
		status, out, errs := cli(t, tool.name, "--help")
		if status != 0 || !strings.Contains(out, "Usage: "+tool.name) || !strings.Contains(out, "--broker-port=…") || errs != "" {
			t.Errorf("%s --help: %d\n%s%s", tool.name, status, out, errs)
		}
	}
}

func TestNameOfTheProgramIsACommand(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"/usr/local/bin/aiot-broker", "--debug"}, "[aiot-broker --debug]"},
		{[]string{`aiot-dashboard.exe`}, "[aiot-dashboard]"},
		{[]string{"/bin/roost", "serve"}, "[serve]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(calledAs(c.argv)); got != c.want {
			t.Errorf("%v is %s, want %s", c.argv, got, c.want)
		}
	}
}

func TestKeysAreMadeAsPyaiotDoes(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	var before []byte
	for range 2 { // the second replaces the first unasked
		for _, args := range [][]string{{"--help"}, {"--key-file=x"}} {
			if _, out, errs := cli(t, append([]string{"aiot-generate-keys"}, args...)...); !strings.Contains(out+errs, "keys") || strings.Contains(out, "secret") {
				t.Errorf("%v: %s%s", args, out, errs)
			}
		}
		status, out, errs := cli(t, "aiot-generate-keys")
		text, err := os.ReadFile(filepath.Join(home, ".pyaiot", "keys"))
		if status != 0 || err != nil {
			t.Fatalf("%d %s %v", status, errs, err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line != "[keys]" && !strings.Contains(out, line) {
				t.Errorf("it does not print %q:\n%s", line, out)
			}
		}
		if old, err := os.ReadFile(filepath.Join(home, ".pyaiot", "keys.old")); string(old) != string(before) || (err == nil) != (before != nil) {
			t.Errorf("the keys before are kept as %q (%v), want %q", old, err, before)
		}
		before = text
	}
}

func FuzzReadSettings(f *testing.F) {
	for _, s := range []string{
		"a = 'x'\n", "a = \"\\x41\\u00e9\\U0001F600\\n\\q\"", "b=0x1F # c\nc = -1.5e3", "d = r'\\n'\n\ne=None", "x = '''a'''", "f = 'a\\'b'", "g = 007", "= 1", "a == 1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := readSettings(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for name, s := range all { // what was read, written anew, reads the same
			switch v := s.value.(type) {
			case string:
				fmt.Fprintf(&again, "%s = %s\n", name, pyQuoted(v))
			case bool:
				fmt.Fprintf(&again, "%s = %s\n", name, map[bool]string{true: "True", false: "False"}[v])
			case nil:
				fmt.Fprintf(&again, "%s = None\n", name)
			case int64:
				fmt.Fprintf(&again, "%s = %d\n", name, v)
			case float64:
				fmt.Fprintf(&again, "%s = %g\n", name, v)
			}
		}
		back, err := readSettings([]byte(again.String()))
		if err != nil || len(back) != len(all) {
			t.Fatalf("%q came back as %v, %v", again.String(), back, err)
		}
		for name, s := range all {
			if back[name].value != s.value && fmt.Sprint(back[name].value) != fmt.Sprint(s.value) {
				t.Errorf("%s = %v came back as %v", name, s.value, back[name].value)
			}
		}
	})
}

// pyQuoted writes a text as Python would read it.
func pyQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}
