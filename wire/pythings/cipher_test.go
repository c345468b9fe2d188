package pythings_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/roost-iot/roost/wire/pythings"
)

const fipsKey = "57811460909138771071931939740208549692" // 2b7e151628aed2a6abf7158809cf4f3c

// vectors were made with the code of PythingsOS. back is what arrives, if that is not text.
var vectors = []struct{ key, text, blocks, back string }{
	{fipsKey, "null", "268482816633265778559675523318587312825", ""},
	{fipsKey, "{}", "21745452565773413990635075880228185420&", ""},
	{fipsKey, "A", "241736073816023032195776157685758291213", ""},
	{fipsKey, "0123456789ab", "36131667242737987617677086678608868514&", ""},
	{fipsKey, "xxxxxxxxxxxx", "63429375480081381670155601141376557650&", ""},
	{fipsKey, "\n\n\n\n", "211253960372289610485341604690352784876", ""},
	{fipsKey, "Hello World!", "74867940703419144190304105032127331790&", ""},
	{fipsKey, "Hello World!!", "74867940703419144190304105032127331790&201716830575031143999474569924085562856", ""},
	{fipsKey, `{"msg": {"temperature_C": 20.5}}`, "88941772823301294781151379793504615626&26855430606258559089254355750925984874080110009886043975677892057908870555284&", ""},
	{fipsKey, "a & b", "248451774512145134741199223788156854260", "a  b"},
	{fipsKey, "&", "254455906852962969588083385497953766503", "-"},
	{fipsKey, "000000000002", "32164483885177889229663897550844329609&", ""},
	{fipsKey, "000000000025", "1942582885207671298607629830710653754&&", ""},
	{fipsKey, "000000000099", "697129403541826051592213607412099664&&&", ""},
	{fipsKey, "000000003767", "57782207791294693443662555317694305&&&&", ""},
	{fipsKey, "000000007797", "5516381284688673583018519183324449&&&&&", ""},
	{"1", "Hello World!", "227012367137274834049115669224064805971", ""},
	{"12345", "Hello World!", "160237846594038038946469552275349708298", ""},
	{"340282366920938463463374607431768211455", "Hello World!", "98219831701053799480869585007463498276&", ""},
}

func cipherOf(t testing.TB, decimal string) *pythings.Cipher {
	t.Helper()
	key, err := pythings.ParseKey(decimal)
	if err != nil {
		t.Fatal(err)
	}
	return pythings.NewCipher(key)
}

// E01
func TestVectors(t *testing.T) {
	for _, v := range vectors {
		c := cipherOf(t, v.key)
		blocks, err := c.Encrypt([]byte("before"), []byte(v.text))
		if err != nil || string(blocks) != "before"+v.blocks {
			t.Errorf("%q became %s, %v, want %s", v.text, blocks, err, v.blocks)
		}
		back := v.text
		if v.back != "" {
			back = strings.Trim(v.back, "-")
		}
		text, err := c.Decrypt([]byte("before"), []byte(v.blocks))
		if err != nil || string(text) != "before"+back {
			t.Errorf("%s became %q, %v, want %q", v.blocks, text, err, back)
		}
		if survives := pythings.Survives([]byte(v.text)); survives != (v.text == back) {
			t.Errorf("Survives(%q) = %v", v.text, survives)
		}
	}
}

func TestKeyIsDecimal(t *testing.T) {
	key, err := pythings.ParseKey(fipsKey)
	if err != nil || hex.EncodeToString(key[:]) != "2b7e151628aed2a6abf7158809cf4f3c" || key.Decimal() != fipsKey {
		t.Errorf("%x, %v, %s", key, err, key.Decimal())
	}
	for _, bad := range []string{"", "x", "-1", "1.5", " 1", "340282366920938463463374607431768211456", strings.Repeat("9", 39), strings.Repeat("0", 40)} {
		if k, err := pythings.ParseKey(bad); err == nil {
			t.Errorf("%q is taken as %x", bad, k)
		}
	}
	for range 200 {
		key := pythings.NewKey()
		if again, err := pythings.ParseKey(key.Decimal()); err != nil || again != key {
			t.Errorf("%x is written %s and read %x, %v", key, key.Decimal(), again, err)
		}
	}
}

// E08
func TestBadBlocksAreRefused(t *testing.T) {
	c := cipherOf(t, fipsKey)
	for name, blocks := range map[string]string{
		"short":        "2684828166332657785596755233185873128",
		"letters":      strings.Repeat("a", 39),
		"empty":        strings.Repeat("&", 39),
		"hole":         "2174545256577&413990635075880228185420&",
		"sign":         "-1745452565773413990635075880228185420&",
		"above 2^128":  "340282366920938463463374607431768211456",
		"all nines":    strings.Repeat("9", 39),
		"another key":  "227012367137274834049115669224064805971",
		"second block": "21745452565773413990635075880228185420&" + strings.Repeat("9", 39),
		"more than 32": blockOf("100000000000000000000000000000000"),
		"separator 10": blockOf("00000000001000000000000000000000"),
		"separator 21": blockOf("00000000000000000000010000000000"),
		"more than 4B": blockOf("00000000000000000000004294967296"),
	} {
		text, err := c.Decrypt([]byte("kept"), []byte(blocks))
		if !errors.Is(err, pythings.ErrDamaged) || string(text) != "kept" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if text, err := c.Decrypt(nil, nil); err != nil || len(text) != 0 {
		t.Errorf("nothing became %q, %v", text, err)
	}
}

func TestOnlyASCIIIsEncrypted(t *testing.T) {
	got, err := cipherOf(t, fipsKey).Encrypt([]byte("kept"), []byte("caffè"))
	if !errors.Is(err, pythings.ErrNotASCII) || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzCipher(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.text, v.blocks)
	}
	f.Fuzz(func(t *testing.T, text, blocks string) {
		c := cipherOf(t, fipsKey)
		if sealed, err := c.Encrypt(nil, []byte(text)); err == nil {
			back, err := c.Decrypt(nil, sealed)
			if err != nil {
				t.Fatalf("%q can not be decrypted: %v", text, err)
			}
			if pythings.Survives([]byte(text)) && string(back) != text {
				t.Errorf("%q came back as %q", text, back)
			}
		}
		plain, err := c.Decrypt(nil, []byte(blocks))
		if err == nil && len(plain) > len(blocks)/pythings.BlockSize*pythings.PieceSize {
			t.Errorf("%q became %q", blocks, plain)
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	c, text := cipherOf(b, fipsKey), []byte(strings.Repeat("import time\n", 1000))
	b.SetBytes(int64(len(text)))
	var buf []byte
	for b.Loop() {
		buf, _ = c.Encrypt(buf[:0], text)
	}
}

func BenchmarkDecrypt(b *testing.B) {
	c := cipherOf(b, fipsKey)
	blocks, _ := c.Encrypt(nil, []byte(strings.Repeat("import time\n", 1000)))
	b.SetBytes(int64(len(blocks)))
	var buf []byte
	for b.Loop() {
		buf, _ = c.Decrypt(buf[:0], blocks)
	}
}
