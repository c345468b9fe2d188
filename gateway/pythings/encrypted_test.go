package pythings_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// recordedPair is the key whose modulus the device of the recordings has, as PEM.
var recordedPair = sync.OnceValue(func() []byte {
	prime := func(decimal string) *big.Int {
		n, _ := new(big.Int).SetString(decimal, 10)
		return n
	}
	p := prime("10190452039790556716329818081725276591204389491616875872142580587944893392721953613560021446141263455127216467259603632442610463126222387785733920023377011")
	q := prime("12000084164445297617453053502744610907254418802386591489824203678578530997354852464734254783883342449962794198131510985599694776513334517087741146293259789")
	one := big.NewInt(1)
	d := new(big.Int).ModInverse(big.NewInt(wire.Exponent), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)))
	pair := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: wire.Exponent}, D: d, Primes: []*big.Int{p, q}}
	pair.Precompute()
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(pair)})
})

// giveKey makes that pair the house's own: making another takes time in each test.
func giveKey(t testing.TB, secrets string) {
	t.Helper()
	err := os.MkdirAll(secrets, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(secrets, "pythings-rsa.pem"), recordedPair(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// E03
func TestKeyForAnotherServerIsRefusedAndTold(t *testing.T) {
	h := build(t, plan{})
	n, _ := new(big.Int).SetString(builtIn, 10)
	parts := wire.EncryptKey(wire.NewKey(), n, wire.CPython)
	d := h.device("foreign")
	for range 3 {
		r := d.call("things/preregister/", map[string]any{"key": parts, "kty": "aes128ecb", "ken": "srsa1"})
		want(t, "preregister", r, 400, "another server")
	}
	if notices := h.door.Notices(); len(notices) != 1 || !strings.Contains(notices[0].Text, "settings.json") || !strings.HasPrefix(notices[0].Remote, "127.0.0.1") {
		t.Errorf("notices %+v", notices)
	}
	if n := len(h.releases.AllSoftware(roost.Home)); n != 0 {
		t.Errorf("%d things", n)
	}
}

// builtIn is the modulus that all 1.x releases bring.
const builtIn = "28413003199647341169755148817272580434684756919496624803561225904937920874272008267922241718272669080997784342773848675977238304083346116914731539644572572184061626687258523348629880944116435872100013777281682624539900472318355160325153486782544158202452609602511838141993451856549399731403548343252478723563"

// E04
func TestOddKeysWork(t *testing.T) {
	h := build(t, plan{})
	for _, decimal := range []string{"0", "7", "12345", "123456789012345678901234567890", "340282366920938463463374607431768211455", "57811460909138771071931939740208549692"} {
		for _, habit := range []wire.Habit{wire.CPython, wire.MicroPython} {
			k, err := wire.ParseKey(decimal)
			if err != nil {
				t.Fatal(err)
			}
			d := h.device("key-" + decimal)
			r := d.call("things/preregister/", map[string]any{"key": wire.EncryptKey(k, h.door.Key(), habit), "kty": "aes128ecb", "ken": "srsa1"})
			plain, err := wire.NewCipher(k).Decrypt(nil, []byte(r.body))
			if r.status != 200 || err != nil || !strings.HasPrefix(string(plain), `{"token": "`) {
				t.Errorf("K = %s: %d %q, %v", decimal, r.status, plain, err)
			}
		}
	}
}

// E06
func TestNothingIsEncryptedNull(t *testing.T) {
	h := build(t, plan{})
	d := h.device("hidden")
	d.encrypt()
	d.mustRegister()
	if r := d.worker(map[string]any{"n": 1}); r.status != 200 || r.body != "null" || r.kind != "text/html; charset=utf-8" {
		t.Errorf("worker: %+v", r)
	}
	if r := d.report("worker", "OK", nil); r.body != "null" {
		t.Errorf("report: %+v", r)
	}
	if all := h.messages(d.ref()); len(all) != 1 || all[0].Data != `{"n": 1}` {
		t.Errorf("%d messages", len(all))
	}
}

// E07
func TestAmpersandArrivesEncrypted(t *testing.T) {
	h := build(t, plan{})
	d := h.device("hidden")
	d.app = recordedCommit
	d.encrypt()
	d.mustRegister()
	d.settings()
	d.mustReport("management", "OK", nil)
	id := h.send(d.ref(), roost.Tell, `"a & b, caff\u00e8 è"`)
	a, r := d.management()
	if a.Mid != id || !strings.Contains(r.body, `"msg": "a \u0026 b, caff\u00e8 \u00e8"`) {
		t.Errorf("management: %q", r.body)
	}
	var text string
	if json.Unmarshal(a.Msg, &text) != nil || text != "a & b, caffè è" {
		t.Errorf("the device reads %q", text)
	}
	want(t, "file", d.call("apps/get/", map[string]any{"version": recordedCommit, "list": true}), 200, `["worker_task.py", "management_task.py"]`)
	want(t, "an error", d.call("apps/get/", map[string]any{"version": "1", "list": true}), 404, "")
}

// E08
func TestDamagedBlocksAreRefused(t *testing.T) {
	h := build(t, plan{})
	d := h.device("hidden")
	d.encrypt()
	d.mustRegister()
	other := wire.NewCipher(wire.NewKey())
	foreign, err := other.Encrypt(nil, []byte(`{"what": "worker", "status": "OK", "msg": null}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, blocks := range map[string]string{
		"another key": string(foreign), "letters": strings.Repeat("x", 39), "above 2^128": strings.Repeat("9", 39),
		"half a block": "123", "only filling": strings.Repeat("&", 39),
	} {
		r := h.post("things/report/", `{"encrypted": "`+blocks+`", "token": "`+d.token+`"}`)
		want(t, name, r, 400, "")
	}
	want(t, "a number", h.post("things/report/", `{"encrypted": [1], "token": "`+d.token+`"}`), 400, "")
}

// E09
func TestModeOfASessionStays(t *testing.T) {
	h := build(t, plan{})
	hidden := h.device("hidden")
	hidden.encrypt()
	hidden.mustRegister()
	for path, members := range map[string]string{
		"apps/management/": "", "apps/worker/": `"msg": {"n": 1}, `, "things/report/": `"what": "worker", "status": "OK", "msg": null, `,
		"apps/get/": `"version": "1700000000", "list": true, `, "pythings/get/": `"version": "v1", "platform": "Python", "list": true, `,
		"things/register/": `"tid": "hidden", "aid": "` + string(recordedApp) + `", `,
	} {
		want(t, path, h.post(path, "{"+members+`"token": "`+hidden.token+`"}`), 400, "nothing is taken in clear")
	}
	clear := h.ready("clear")
	blocks, err := wire.NewCipher(wire.NewKey()).Encrypt(nil, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the other way", h.post("apps/management/", `{"encrypted": "`+string(blocks)+`", "token": "`+clear.token+`"}`), 400, "not encrypted")
	if len(h.messages(hidden.ref())) != 0 {
		t.Error("a message in clear was kept")
	}
}

// E10
func TestPreregisteredTokenIsNoThing(t *testing.T) {
	h := build(t, plan{})
	d := h.device("nobody")
	d.encrypt()
	_, r := d.management()
	want(t, "management", r, 401, "register first")
	want(t, "worker", d.worker(1), 401, "register first")
}

func TestPreregisteredTokenIsOfOneThing(t *testing.T) {
	h := build(t, plan{})
	d := h.device("first")
	d.encrypt()
	d.mustRegister()
	token := d.token
	d.mustRegister() // its answer was lost
	if d.token != token {
		t.Error("another token")
	}
	d.tid = "second"
	want(t, "another thing", d.register(), 401, "preregister again")
}

// R10 of encrypted sessions.
func TestEndedEncryptedRunIsRefused(t *testing.T) {
	h := build(t, plan{})
	d := h.device("hidden")
	d.encrypt()
	d.mustRegister()
	first := *d
	d.encrypt()
	d.mustRegister()
	_, r := first.management()
	want(t, "the first run", r, 401, "ended")
	if _, r := d.management(); r.status != 200 {
		t.Errorf("the second: %+v", r)
	}
}

func TestLostEncryptedSessionIsTold(t *testing.T) {
	h := build(t, plan{})
	r := h.post("apps/management/", `{"encrypted": "21745452565773413990635075880228185420&", "token": "d3c8b62d-5284-4b0c-9bbc-48bf1652475e"}`)
	want(t, "management", r, 401, "restart the device")
	if n := h.door.Notices(); len(n) != 1 {
		t.Errorf("notices %+v", n)
	}
}

// R13 of an encrypted session whose run is forgotten: the token still has its key.
func TestForgottenEncryptedSessionIsLedToRegister(t *testing.T) {
	h := build(t, plan{encrypt: true})
	tokens, err := pythings.OpenTokens(filepath.Join(h.dir, "secrets"))
	if err != nil {
		t.Fatal(err)
	}
	d := h.device("hidden")
	d.key = wire.NewKey()
	d.cipher = wire.NewCipher(d.key)
	d.token, err = tokens.Seal(pythings.Token{Run: "forgotten", Started: time.Now().Add(-time.Hour), Encrypted: true, Key: d.key})
	if err != nil {
		t.Fatal(err)
	}
	if s := d.settings(); s["payload_encryption"] != true || s["reregister"] == nil {
		t.Errorf("settings %v", s)
	}
	d.mustReport("pythings", "OK", "Resetting due to Settings update")
	want(t, "worker", d.worker(1), 401, "token not found")
}
