package sim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	"github.com/roost-iot/roost/sim"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// release puts v1.0.0 on the cloud's shelf.
func (c *cloud) release(version string) {
	c.files["api.py"], c.files["crypto_rsa.py"], c.files["version.py"] = "api\n", "rsa & co\n", "version='"+version+"'\n"
	c.set("pythings_version", "v1.0.0")
}

// S10, S11
func TestReleaseIsDownloadedAndRun(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	c.release("v1.0.0")
	steps(t, d, "tbB") // settings, release, and on
	c.wantLast(t, "/things/register/", `"pythings_version": "v1.0.0"`, `"app_version": "1700000000"`)
	var order []string
	for _, body := range c.bodies("/pythings/get/") {
		var asked struct {
			Name string `json:"file_name"`
		}
		_ = json.Unmarshal([]byte(body), &asked)
		order = append(order, asked.Name)
	}
	if got := strings.Join(order, " "); got != " api.py crypto_rsa.py version.py" {
		t.Errorf("asked for %q", got)
	}
	if body := c.bodies("/pythings/get/")[0]; body != `{"version": "v1.0.0", "list": true, "platform": "Python", "token": "t-1"}` {
		t.Errorf("%s", body)
	}
	if body := strings.Join(c.bodies("/things/report/"), "\n"); !strings.Contains(body, "Resetting due to Pythings update") {
		t.Errorf("%s", body)
	}
	c.set("pythings_version", "Factory")
	steps(t, d, "tB")
	c.wantLast(t, "/things/register/", `"pythings_version": "v1.1.0"`)
	c.set("pythings_version", "v1.0.0")
	steps(t, d, "tB") // it is still there
	if n := len(c.bodies("/pythings/get/")); n != 4 {
		t.Errorf("%d downloads", n)
	}
}

// S13
func TestReleaseOfAnotherNameIsFetchedForEver(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	c.release("1.0.0")
	steps(t, d, "tbbbbb")
	c.wantLast(t, "/things/register/", `"pythings_version": "1.0.0"`)
}

// S12
func TestFrozenDeviceTakesNoRelease(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t, func(p *sim.PythingsConfig) { p.Frozen = true })
	c.release("v1.0.0")
	steps(t, d, "tBT")
	c.wantLast(t, "/things/register/", `"frozen": true`, `"pythings_version": "v1.1.0"`)
	if n := len(c.bodies("/pythings/get/")); n != 0 {
		t.Errorf("%d downloads", n)
	}
}

// S14
func TestMissingFileOfAReleaseIsTriedAgain(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	c.release("v1.0.0")
	delete(c.files, "crypto_rsa.py")
	steps(t, d, "tBTTT")
	if body := strings.Join(c.bodies("/things/report/"), "\n"); !strings.Contains(body, `"what": "management", "status": "KO"`) || !strings.Contains(body, "404") {
		t.Errorf("%s", body)
	}
	c.wantLast(t, "/things/register/", `"pythings_version": "v1.1.0"`)
	c.files["crypto_rsa.py"] = "rsa\n"
	steps(t, d, "tB")
	c.wantLast(t, "/things/register/", `"pythings_version": "v1.0.0"`)
}

// A corrupt file of settings is none: TLS, and all over again.
func TestCorruptSettingsAreNone(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	d.Put("settings.json", `{"pythings_ver`)
	steps(t, d, "bB")
	calls := c.heard()
	if !calls[len(calls)-6].secure || calls[len(calls)-1].secure {
		t.Errorf("TLS: %v", calls)
	}
}

func TestOldReleasesNameAPool(t *testing.T) {
	c := startCloud(t)
	steps(t, c.device(func(p *sim.PythingsConfig) { p.Version = "v1.0.0" }), "b")
	c.wantLast(t, "/things/register/", `"pool": "production"`, `"pythings_version": "v1.0.0"`)
	steps(t, c.device(func(p *sim.PythingsConfig) { p.Pool = "staging" }), "b")
	c.wantLast(t, "/things/register/", `"pool": "staging"`)
}

// R14
func TestRaspberryPiRegistersForEver(t *testing.T) {
	c := startCloud(t)
	tries := 0
	d := c.device(func(p *sim.PythingsConfig) {
		p.Platform = "RaspberryPi"
		p.Told = func(e sim.PythingsEvent) {
			if e.Kind == sim.Failed {
				tries++
			}
		}
	})
	_, err := boundBoot(t, d, func() bool { return tries >= 5 })
	if err == nil || len(c.bodies("/things/register/")) < 5 || d.Token() != "" {
		t.Errorf("%v, %d registrations", err, len(c.bodies("/things/register/")))
	}
}

// encryptedCloud answers as cloud does, encrypted once a device has preregistered.
type encryptedCloud struct {
	*cloud
	key    *wire.PrivateKey
	cipher *wire.Cipher
}

func startEncryptedCloud(t *testing.T) *encryptedCloud {
	t.Helper()
	pair, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key, err := wire.NewPrivateKey(pair.Primes[0], pair.Primes[1])
	if err != nil {
		t.Fatal(err)
	}
	e := &encryptedCloud{cloud: startCloud(t), key: key}
	e.set("payload_encryption", true)
	e.pythingsBackend.answer = func(h heard) string {
		r, err := wire.ParseRequest([]byte(h.body()))
		if err != nil {
			return ""
		}
		if p, err := r.Preregister(); err == nil && p.Key != nil {
			k, _, err := wire.DecryptKey(p.Key, key)
			if err != nil {
				return "HTTP/1.1 400 Bad Request\r\n\r\n\"key\""
			}
			e.cipher = wire.NewCipher(k)
			return e.seal(answerHead + `{"token": "t-1"}`)
		}
		if r.Encrypted == "" {
			return e.cloud.answer(h)
		}
		plain, err := e.cipher.Decrypt(nil, []byte(r.Encrypted))
		if err != nil {
			return ""
		}
		head, _, _ := strings.Cut(h.raw, "\r\n\r\n")
		h.raw = head + "\r\n\r\n" + string(plain)
		return e.seal(e.cloud.answer(h))
	}
	return e
}

func (e *encryptedCloud) seal(answer string) string {
	head, body, _ := strings.Cut(answer, "\r\n\r\n")
	blocks, err := e.cipher.Encrypt(nil, []byte(body))
	if err != nil {
		return ""
	}
	return head + "\r\n\r\n" + string(blocks)
}

// S17: what a backend must not do.
func TestReleaseOverAnEncryptedSessionLosesEncryption(t *testing.T) {
	e := startEncryptedCloud(t)
	d := e.newRunning(t, func(p *sim.PythingsConfig) { p.Modulus = e.key.Modulus() })
	if worker, _ := d.File("worker_task.py"); !d.Encrypts() || worker != "worker\n" {
		t.Fatalf("encrypted: %v, worker_task.py %q", d.Encrypts(), worker)
	}
	e.release("v1.0.0")
	steps(t, d, "tbB")
	if torn, _ := d.File("v1.0.0/crypto_rsa.py"); torn != "rsa  co\n" || d.Encrypts() {
		t.Errorf("crypto_rsa.py %q, encrypted: %v", torn, d.Encrypts())
	}
}

// E03
func TestDeviceWhoseKeyNobodyHoldsTriesForEver(t *testing.T) {
	e := startEncryptedCloud(t)
	tries := 0
	d := e.device(func(p *sim.PythingsConfig) {
		p.Encrypted = true
		p.Told = func(ev sim.PythingsEvent) {
			if ev.Kind == sim.Failed {
				tries++
			}
		}
	})
	if _, err := boundBoot(t, d, func() bool { return tries >= 5 }); err == nil || len(e.bodies("/things/register/")) > 0 {
		t.Errorf("%v, registered %d times", err, len(e.bodies("/things/register/")))
	}
}
