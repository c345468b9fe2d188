package device_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

const slotPatience = 3 * time.Minute

// slotSwitchOn runs a board over a flash until its programs end, or the power does;
// what it printed comes in lines.
func slotSwitchOn(t testing.TB, flash *micropython.Flash, rom *micropython.ROM) ([]string, error) {
	t.Helper()
	var out strings.Builder
	b, err := micropython.NewBoard(micropython.BoardConfig{
		Flash: flash, ROM: rom, Clock: micropython.NewClock(time.Unix(1.8e9, 0)), Print: func(text string) { out.WriteString(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), slotPatience)
	defer cancel()
	err = b.Run(ctx)
	return strings.Split(strings.TrimSpace(out.String()), "\n"), err
}

// slotBoots is slotSwitchOn of a board whose power does not fail.
func slotBoots(t testing.TB, flash *micropython.Flash, rom *micropython.ROM) []string {
	t.Helper()
	lines, err := slotSwitchOn(t, flash, rom)
	if err != nil {
		t.Fatalf("%v; it printed %q", err, lines)
	}
	return lines
}

// slotTestdata reads a file of testdata/slots.
func slotTestdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "slots", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// slotFiles are the modules of the runtime that these tests need, in the order of their names.
func slotFiles(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"__init__", "hal", "about", "seal", "keys", "conf", "slots", "release", "update", "fill", "fetch", "rom", "wait", "ed25519", "sha512"} {
		text, err := os.ReadFile(filepath.Join("rt", name+".py"))
		if err != nil {
			t.Fatal(err)
		}
		files["rt/"+name+".py"] = string(text)
	}
	return files
}

// compiled are these as .mpy.
var compiled struct {
	once  sync.Once
	files map[string]string
}

func slotCompiled(t testing.TB) map[string]string {
	t.Helper()
	compiled.once.Do(func() {
		c, err := micropython.NewCompiler(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		compiled.files = map[string]string{}
		for name, text := range slotFiles(t) {
			mpy, err := c.Compile(t.Context(), name, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			compiled.files[strings.TrimSuffix(name, ".py")+".mpy"] = string(mpy)
		}
	})
	return maps.Clone(compiled.files)
}

// slotRuntime is a runtime that says its version in two files.
func slotRuntime(t testing.TB, version string) map[string]string {
	t.Helper()
	files := slotCompiled(t)
	files["ver_a.py"] = fmt.Sprintf("V = %q\n", version)
	files["ver_b.py"] = fmt.Sprintf("V = %q\n", version) + strings.Repeat("# "+version+"\n", 300)
	return files
}

// slotApp is an app that says its version in two files, has one that is the same in all
// versions, and one of its own.
func slotApp(version string) map[string]string {
	return map[string]string{
		"app.py": fmt.Sprintf("V = %q\n", version), "part.py": fmt.Sprintf("V = %q\n", version) + strings.Repeat("# "+version+"\n", 400),
		"data/same.txt": strings.Repeat("the same\n", 100), "data/of-" + version: version,
	}
}

// slotRig is a board with a test's programs on it, and what Roost has for it.
type slotRig struct {
	t     testing.TB
	id    string
	key   agent.Key
	flash *micropython.Flash
	rom   *micropython.ROM // nil: its runtimes lie in files
	n     int64
}

// newSlotRig has runtime 1 as the factory's, and no app.
func newSlotRig(t testing.TB) *slotRig {
	t.Helper()
	r := &slotRig{t: t, id: "board-1", key: agent.NewKey()}
	boot, err := os.ReadFile("boot.py")
	if err != nil {
		t.Fatal(err)
	}
	r.flash = micropython.NewFlash(map[string]string{
		"/boot.py": string(boot), "/main.py": slotTestdata(t, "drive.py"),
		"/_s/key": fmt.Sprintf(`{"id": %q, "key": %q}`, r.id, r.key),
	})
	for name, text := range slotRuntime(t, "1") {
		r.flash.WriteFile("/_f/"+name, []byte(text))
	}
	return r
}

// copied is the same slotRig over a copy of its flash.
func (r *slotRig) copied() *slotRig {
	x := *r
	x.flash = r.flash.Copy()
	if r.rom != nil {
		x.rom = micropython.NewROM(r.rom.Size(), r.rom.Bytes())
	}
	return &x
}

// put puts a file on the flash from outside.
func (r *slotRig) put(name, text string) *slotRig {
	r.flash.WriteFile(name, []byte(text))
	return r
}

// offer puts a release where the board finds it; change may spoil it before and after it is sealed.
func (r *slotRig) offer(kind, version string, files map[string]string, change ...func(*agent.Release, *agent.Envelope, *agent.Update)) {
	r.t.Helper()
	r.n++
	rel := agent.Release{Kind: kind, Ver: version, Seq: 100 + r.n, Files: map[string]agent.File{}}
	for name, text := range files {
		rel.Files[name] = agent.FileOf([]byte(text))
		r.put("/srv/"+rel.Files[name].SHA256, text)
	}
	env := agent.Envelope{For: r.id, N: r.n, Use: slices.Sorted(maps.Keys(files))}
	for _, c := range change {
		c(&rel, &env, nil)
	}
	rText, err := agent.Text(rel)
	eText, err2 := agent.Text(env)
	if err := errors.Join(err, err2); err != nil {
		r.t.Fatal(err)
	}
	u := r.key.Offer(rText, eText, "")
	for _, c := range change {
		c(nil, nil, &u)
	}
	b, err := json.Marshal(u)
	if err != nil {
		r.t.Fatal(err)
	}
	r.put("/srv/offer.json", string(b))
}

// errand boots the board once with something to do, as after a crash: that counts in a trial.
func (r *slotRig) errand(what string) []string {
	r.t.Helper()
	r.put("/srv/errand", what).put("/_s/why", "crash")
	return slotBoots(r.t, r.flash, r.rom)
}

// wantLines fails unless lines are printed, in this order, among others.
func wantLines(t testing.TB, got []string, lines ...string) {
	t.Helper()
	rest := got
	for _, line := range lines {
		i := slices.Index(rest, line)
		if i < 0 {
			t.Fatalf("%q is not in what was printed:\n%s", line, strings.Join(got, "\n"))
		}
		rest = rest[i+1:]
	}
}

// on both runs a Python file of testdata/slots on CPython and on MicroPython, and gives what
// each printed. The modules of the runtime are there.
func slotOnBoth(t *testing.T, name string, files map[string]string, check func(t *testing.T, lines []string)) {
	t.Helper()
	t.Run("CPython", func(t *testing.T) {
		python, err := exec.LookPath("python3")
		if err != nil {
			t.Skip("there is no python3 here")
		}
		root := t.TempDir()
		write := func(name, text string) {
			name = filepath.Join(root, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		for name, text := range slotFiles(t) {
			write("_f/"+name, text)
		}
		for _, name := range []string{"pc", "micro"} {
			text, err := os.ReadFile(filepath.Join("rt", name+".py"))
			if err != nil {
				t.Fatal(err)
			}
			write("_f/rt/"+name+".py", string(text))
		}
		for name, text := range files {
			write(name, text)
		}
		boot, err := os.ReadFile("boot.py")
		if err != nil {
			t.Fatal(err)
		}
		write("boot.py", string(boot))
		write("_s/none", "")
		write("test.py", "import boot\nROOT = boot.ROOT\n"+slotTestdata(t, name))
		ctx, cancel := context.WithTimeout(t.Context(), slotPatience)
		defer cancel()
		cmd := exec.CommandContext(ctx, python, filepath.Join(root, "test.py"))
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "ROOST_CAUSE=power on")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		check(t, strings.Split(strings.TrimSpace(string(out)), "\n"))
	})
	t.Run("MicroPython", func(t *testing.T) {
		needVM(t)
		flash := newSlotRig(t).put("/main.py", slotTestdata(t, name)).flash
		for name, text := range files {
			flash.WriteFile("/"+name, []byte(text))
		}
		check(t, slotBoots(t, flash, nil))
	})
}

// slotSignatures are RFC 8032, 7.1, and what Go makes; a line each: name, public key, message, signature, whether it holds.
func slotSignatures(t *testing.T) string {
	t.Helper()
	var lines strings.Builder
	add := func(name string, public, message, sig []byte, ok bool) {
		if ok != (len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, sig)) && !strings.HasPrefix(name, "strict") {
			t.Fatalf("Go thinks otherwise of %s", name)
		}
		fmt.Fprintf(&lines, "%s %x_ %x_ %x_ %v\n", name, public, message, sig, ok)
	}
	for i, v := range [][4]string{
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "", "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72", "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82", "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	} {
		add(fmt.Sprintf("rfc%d", i), slotHex(t, v[1]), slotHex(t, v[2]), slotHex(t, v[3]), true)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{111, 128, 2000} {
		message := make([]byte, n)
		rand.Read(message)
		sig := ed25519.Sign(private, message)
		add(fmt.Sprintf("made%d", n), public, message, sig, true)
		other := slices.Clone(message)
		other[n/2] ^= 1
		add(fmt.Sprintf("message%d", n), public, other, sig, false)
		for _, at := range []int{0, 32, 63} {
			wrong := slices.Clone(sig)
			wrong[at] ^= 4
			add(fmt.Sprintf("sig%d.%d", n, at), public, message, wrong, false)
		}
	}
	message, sig := []byte("m"), ed25519.Sign(private, []byte("m"))
	add("short", public, message, sig[:63], false)
	add("none", public, message, nil, false)
	other, _, _ := ed25519.GenerateKey(rand.Reader)
	add("other-key", other, message, sig, false)
	add("key-of-31", public[:31], message, sig, false)
	// s + L is the same number to who does not look
	order := slotHex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	more, carry := slices.Clone(sig), 0
	for i := range 32 {
		sum := int(sig[32+i]) + int(order[i]) + carry
		more[32+i], carry = byte(sum), sum>>8
	}
	add("s-plus-L", public, message, more, false)
	large := strings.Repeat("ff", 31) + "7f"                // 2^255-1 is above the prime
	add("strict-y", slotHex(t, large), message, sig, false) // no point
	add("strict-r", public, message, slices.Concat(slotHex(t, large), sig[32:]), false)
	one := "01" + strings.Repeat("00", 30) + "80" // x is 0, and its sign is set
	add("strict-x", slotHex(t, one), message, slices.Concat(slotHex(t, one), make([]byte, 32)), false)
	off := "02" + strings.Repeat("00", 31) // no point has this y
	add("off-curve", slotHex(t, off), message, sig, false)
	return lines.String()
}

func slotHex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlyTheOwnersSignatureHolds(t *testing.T) {
	vectors := slotSignatures(t)
	slotOnBoth(t, "crypto.py", map[string]string{"vectors.txt": vectors}, func(t *testing.T, lines []string) {
		if last := lines[len(lines)-1]; last != fmt.Sprintf("%d signatures are as they should", strings.Count(vectors, "\n")) {
			t.Error(strings.Join(lines, "\n"))
		}
	})
}

func TestSHA512(t *testing.T) {
	const abc = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
	slotOnBoth(t, "sha512.py", nil, func(t *testing.T, lines []string) {
		wantLines(t, lines, abc, "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
			"8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
			"0593036f4f479d2eb8078ca26b1d59321a86bdfcb04cb40043694f1eb0301b8acd20b936db3c916ebcc1b609400ffcf3fa8d569d7e39293855668645094baf0e")
	})
}

// TestTrialsKeepToTheModel: whatever comes in which order, what runs is what was confirmed last or is on trial.
func TestTrialsKeepToTheModel(t *testing.T) {
	slotOnBoth(t, "machine.py", nil, func(t *testing.T, lines []string) {
		var times int
		if _, err := fmt.Sscanf(lines[len(lines)-1], "returned %d times in 240 turns", &times); err != nil || times < 6 {
			t.Error(strings.Join(lines, "\n"))
		}
	})
}

// TestPowerOnsCountLess: who pulls the plug in a trial has not shown that the version fails, but a board that loses its
// power by what it starts looks the same. So four of these are one failed start.
func TestPowerOnsCountLess(t *testing.T) {
	needVM(t)
	for kind, files := range map[string]map[string]string{"os": slotRuntime(t, "2"), "app": slotApp("2")} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newSlotRig(t)
			old, other := "runtime 1", "runtime 2"
			if kind == "app" {
				r.offer("app", "1", slotApp("1"))
				wantLines(t, r.errand("install"), "installed")
				wantLines(t, r.errand("confirm-app"), "confirmed True")
				old, other = "app 1", "app 2"
			}
			r.offer(kind, "2", files)
			wantLines(t, r.errand("install"), old, "installed")
			wantLines(t, r.errand(""), other)
			r.put("/srv/errand", "")
			n := 0
			for ; n < 20; n++ {
				if slices.Contains(slotBoots(t, r.flash, r.rom), old) {
					break
				}
			}
			if n != 11 { // three, and one that counts; twice; then three, and one that ends it
				t.Errorf("after %d power-ons the version before ran again", n)
			}
		})
	}
}
