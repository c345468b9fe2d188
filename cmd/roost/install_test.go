package main

import (
	"bytes"
	"strings"
	"testing"
)

func installing(t *testing.T, typed string, args ...string) (out string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), append([]string{"install"}, args...), console{out: &o, err: &e, in: strings.NewReader(typed)})
	return o.String() + e.String(), status
}

func TestInstallSaysWhatDoesNotGoTogether(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "say what to do"},
		{[]string{"--list", "--console"}, "--list does nothing else"},
		{[]string{"--console", "--files", dir}, "--console does nothing else"},
		{[]string{"--files", dir, "--pythingsos", "v1.1.0"}, "one at a time"},
		{[]string{"--configure", "--platform", "esp32"}, "--platform"},
		{[]string{"--configure", "--erase"}, "belong to --flash"},
		{[]string{"--loglevel", "info"}, "loglevel is"},
		{[]string{"--backend", "http://192.0.2.7"}, "without http://"},
		{[]string{"--unset", "colour"}, `no setting "colour"`},
		{[]string{"--unset", "pool", "--pool", "staging"}, "it is set, too"},
		{[]string{"--wifi", "Home"}, "8 to 63"}, // the password typed is short
		{[]string{"--configure", "--port", dir + "/none"}, "roost install --list"},
	} {
		if out, status := installing(t, "short\n", c.args...); status == 0 || !strings.Contains(out, c.says) {
			t.Errorf("%v: status %d, %s", c.args, status, out)
		}
	}
}

func TestInstallListsPorts(t *testing.T) {
	if out, status := installing(t, "", "--list", "--json"); status != 0 || !strings.Contains(out, `"ports"`) {
		t.Errorf("status %d, %s", status, out)
	}
}
