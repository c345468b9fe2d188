package pythings_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	wire "github.com/roost-iot/roost/wire/pythings"
)

func openTokens(t testing.TB, dir string) *pythings.Tokens {
	t.Helper()
	tokens, err := pythings.OpenTokens(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

var started = time.Unix(1795240653, 0)

// sealed are tokens of all kinds.
func sealed() []pythings.Token {
	return []pythings.Token{
		{Project: roost.Home, App: "5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10", TID: "A4CF12B3D5E6", Run: roost.NewID(), Started: started},
		{Project: roost.Home, App: roost.NoApp, TID: "t", Run: "r", Started: started, ByAccount: true, Encrypted: true, Key: wire.NewKey()},
		{Run: roost.NewID(), Started: started, Encrypted: true, Key: wire.Key{15: 1}}, // preregistered
		{Project: "p", App: "not a uuid", TID: "caffè 😀", Run: "", Started: time.Unix(0, 0), Encrypted: true},
		{Project: "p", App: "5F1D6C1E-0b0a-4b8e-9c55-0c6f5a3d2b10", TID: strings.Repeat("è", 36), Started: started},
		{},
	}
}

func TestTokensSayWhatWasSealed(t *testing.T) {
	dir := t.TempDir()
	tokens := openTokens(t, dir)
	seen := map[string]bool{}
	for _, token := range sealed() {
		token.Started = token.Started.Truncate(time.Second)
		if token.Started.IsZero() {
			token.Started = time.Unix(0, 0)
		}
		text, err := tokens.Seal(token)
		if err != nil || seen[text] {
			t.Fatalf("%+v: %q, %v", token, text, err)
		}
		seen[text] = true
		got, err := openTokens(t, dir).Open(text) // as after a restart
		if d := cmp.Diff(token, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
		if got.Preregistered() != (token.TID == "") {
			t.Errorf("%+v: preregistered %v", token, got.Preregistered())
		}
	}
}

func TestTokensSuitSmallDevices(t *testing.T) {
	text, err := openTokens(t, t.TempDir()).Seal(pythings.Token{
		Project: roost.ProjectID(roost.NewID()), App: roost.AppID(roost.NewUUID()), TID: strings.Repeat("W", 36),
		Run: roost.NewID(), Started: started, ByAccount: true, Encrypted: true, Key: wire.NewKey(),
	})
	if err != nil || len(text) >= 200 || !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(text) {
		t.Errorf("%d characters: %s, %v", len(text), text, err)
	}
	t.Logf("%d characters", len(text))
	if _, err := openTokens(t, t.TempDir()).Seal(pythings.Token{TID: strings.Repeat("W", 256)}); err == nil {
		t.Error("a TID of 256 bytes is sealed")
	}
}

func TestNobodyElseMakesTokens(t *testing.T) {
	tokens := openTokens(t, t.TempDir())
	text, err := tokens.Seal(sealed()[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openTokens(t, t.TempDir()).Open(text); !errors.Is(err, pythings.ErrToken) {
		t.Errorf("another secret opens it: %+v, %v", got, err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range text {
		other := alphabet[(strings.IndexByte(alphabet, text[i])+1)%64]
		changed := text[:i] + string(other) + text[i+1:]
		if got, err := tokens.Open(changed); !errors.Is(err, pythings.ErrToken) {
			t.Errorf("character %d changed: %+v, %v", i, got, err)
		}
		if _, err := tokens.Open(text[:i]); !errors.Is(err, pythings.ErrToken) {
			t.Errorf("cut to %d characters: %v", i, err)
		}
	}
	for _, strange := range []string{"", "764b5189-40bf-4da6-867b-2baeb55ca955", text + "A", text + "\n", "\n" + text, "é", text + "="} {
		if _, err := tokens.Open(strange); !errors.Is(err, pythings.ErrToken) {
			t.Errorf("%q: %v", strange, err)
		}
	}
}

func TestSecretOfTokensIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	openTokens(t, dir)
	path := filepath.Join(dir, "pythings-token.key")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*new*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, damaged := range []string{"", "abc", strings.Repeat("z", 64), strings.Repeat("0", 62)} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := pythings.OpenTokens(dir); err == nil {
			t.Errorf("the secret %q is taken", damaged)
		}
		if now, _ := os.ReadFile(path); string(now) != damaged {
			t.Errorf("the secret %q was replaced", damaged)
		}
	}
}

func FuzzToken(f *testing.F) {
	tokens := openTokens(f, f.TempDir())
	for _, token := range sealed() {
		if text, err := tokens.Seal(token); err == nil {
			f.Add(text)
		}
	}
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		if token, err := tokens.Open(text); err == nil {
			if _, err := tokens.Seal(token); err != nil {
				t.Errorf("%q says %+v: %v", text, token, err)
			}
		} else if !errors.Is(err, pythings.ErrToken) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
