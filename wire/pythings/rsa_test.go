package pythings_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/roost-iot/roost/wire/pythings"
)

// The primes of a key pair that no device uses.
const (
	testP = "10190452039790556716329818081725276591204389491616875872142580587944893392721953613560021446141263455127216467259603632442610463126222387785733920023377011"
	testQ = "12000084164445297617453053502744610907254418802386591489824203678578530997354852464734254783883342449962794198131510985599694776513334517087741146293259789"
)

// parts are strings of digits under the test pair. pad are the NULs of MicroPython.
var parts = []struct {
	digits string
	pad    bool
	c      string
}{
	{"0000", false, "68277506618850215264169129541121387073571457422030077726689018956875670109847935630235748371098318028558441602536303839759303742716660234796583658285280512185993503952841737770897119589103080143067606735262964734958979945425445605625956809282132959578445919823705701692528411252754325627759054729122790364152"},
	{"5781", false, "28553732104293588725634853315441845620840022153300108701794248581282100689908587219653939590586825504574074795152648265814077884025681115760579769081300954571644925587976227136291766180498410789708860413347943602310091101466653616870786086381113660749562814922274473032886609983588626862970193132476865068641"},
	{"92", false, "37236268839092937624736111885487448510719857135916454694016475578955483656275840768543343229234346119289458203378972383776533042643608798743755241367839167479832502037320146734459122711242004384257348674438859448558760113576347316761405758072112142234615696790920123750724782479869801285225412946310883066268"},
	{"92", true, "50580421307813144446548902052075710097267556148893532555191667083639915707196397280636406736469056573397876790637171081432715173052043628479852998378329156029156249914311514550075755461892051530755513717037974361206393675782558788675491425992151137693582030744982600038401942211707053138647754716341414307327"},
	{"7", false, "9034995633725827373891253094544167275809159972458042036710065820784850194462743206410461827737442644197283813104984347881422432763921923302735240728380636377987968546684156925006205058661580934890171165341297782247102719227775216105034893088880645062151261468071278794621421478799764879326884178896032243488"},
	{"7", true, "91006090136594210159612899699273516632952124506967781381674855049158751601123414340159545114609554530880647553993442945353021437635243857885464846711174261911218513579894709334532813193766312453618001263995668651859605892829071421098471629680527947621108924369794278715913868972835373749261985592492953628462"},
}

// builtIn is the modulus that releases bring.
const builtIn = "28413003199647341169755148817272580434684756919496624803561225904937920874272008267922241718272669080997784342773848675977238304083346116914731539644572572184061626687258523348629880944116435872100013777281682624539900472318355160325153486782544158202452609602511838141993451856549399731403548343252478723563"

func number(t testing.TB, decimal string) *big.Int {
	t.Helper()
	n, ok := new(big.Int).SetString(decimal, 10)
	if !ok {
		t.Fatalf("%q is no number", decimal)
	}
	return n
}

func testKey(t testing.TB) *pythings.PrivateKey {
	t.Helper()
	key, err := pythings.NewPrivateKey(number(t, testP), number(t, testQ))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func otherKey(t testing.TB) *pythings.PrivateKey {
	t.Helper()
	p, _ := new(big.Int).SetString("10715086071862673209484250490600018105614048117055336074437503883703510511249361224931983788156958581275946729175531468251871452856923140435984577574698574803934567774824230985421074605062371141877954182153046474983581941267398767559165543946077062914571196477686542167660429831652624386837205668070131", 10)
	for !p.ProbablyPrime(5) {
		p.Add(p, big.NewInt(2))
	}
	q := new(big.Int).Add(p, big.NewInt(1<<20))
	for !q.ProbablyPrime(5) {
		q.Add(q, big.NewInt(1))
	}
	key, err := pythings.NewPrivateKey(p, q)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestDigitsUnderTheTestPair(t *testing.T) {
	key := testKey(t)
	for _, part := range parts {
		habit := pythings.CPython
		if part.pad {
			habit = pythings.MicroPython
		}
		k, err := pythings.ParseKey(part.digits)
		if err != nil {
			t.Fatal(err)
		}
		if part.digits != "0000" { // no key is written like that: it is a part within one
			if list := pythings.EncryptKey(k, key.Modulus(), habit); len(list) != 1 || list[0].String() != part.c {
				t.Errorf("%s became %v", part.digits, list)
			}
		}
		back, _, err := pythings.DecryptKey([]*big.Int{number(t, part.c)}, key)
		if err != nil || back != k {
			t.Errorf("%s came back as %s, %v", part.digits, back.Decimal(), err)
		}
	}
}

// E03, E04
func TestKeyComesBackUnderTheRightPair(t *testing.T) {
	right, wrong := testKey(t), otherKey(t)
	for _, decimal := range []string{fipsKey, "0", "1", "12", "12345", "123456789012345678901234567890", "340282366920938463463374607431768211455", "100000000000000000000000000000000000000"} {
		for _, habit := range []pythings.Habit{pythings.CPython, pythings.MicroPython} {
			k, err := pythings.ParseKey(decimal)
			if err != nil {
				t.Fatal(err)
			}
			sent := pythings.EncryptKey(k, right.Modulus(), habit)
			back, with, err := pythings.DecryptKey(sent, wrong, right)
			if err != nil || back != k || with != right {
				t.Errorf("%s came back as %s, %v", decimal, back.Decimal(), err)
			}
			for _, keys := range [][]*pythings.PrivateKey{nil, {wrong}} {
				if got, _, err := pythings.DecryptKey(sent, keys...); !errors.Is(err, pythings.ErrNoKey) {
					t.Errorf("%s became %s, %v with a key that does not fit", decimal, got.Decimal(), err)
				}
			}
			foreign := pythings.EncryptKey(k, number(t, builtIn), habit)
			if got, _, err := pythings.DecryptKey(foreign, right, wrong); !errors.Is(err, pythings.ErrNoKey) {
				t.Errorf("%s under the modulus of releases became %s, %v", decimal, got.Decimal(), err)
			}
		}
	}
}

func TestStrangePartsAreRefused(t *testing.T) {
	key := testKey(t)
	under := func(texts ...string) (list []*big.Int) {
		for _, text := range texts {
			m := new(big.Int).SetBytes([]byte(text))
			list = append(list, m.Exp(m, big.NewInt(pythings.Exponent), key.Modulus()))
		}
		return list
	}
	for name, list := range map[string][]*big.Int{
		"nothing":          {},
		"too many":         under("1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1"),
		"letters":          under("12x4"),
		"short in between": under("123", "1234"),
		"five digits":      under("12345"),
		"only NULs":        under("\x00\x00"),
		"NUL between":      under("1\x002"),
		"above 2^128":      under("9999", "9999", "9999", "9999", "9999", "9999", "9999", "9999", "9999", "999"),
		"negative":         {big.NewInt(-5)},
		"not below N":      {new(big.Int).Add(under("12")[0], key.Modulus())},
	} {
		if k, _, err := pythings.DecryptKey(list, key); !errors.Is(err, pythings.ErrNoKey) {
			t.Errorf("%s: %s, %v", name, k.Decimal(), err)
		}
	}
}

func TestOnlyPrimesMakeAKey(t *testing.T) {
	p, q := number(t, testP), number(t, testQ)
	even := new(big.Int).Add(p, big.NewInt(1))
	for name, pair := range map[string][2]*big.Int{
		"nil": {nil, q}, "same": {p, p}, "not prime": {even, q}, "one": {big.NewInt(1), q}, "short": {big.NewInt(7), big.NewInt(11)},
		"negative": {new(big.Int).Neg(p), q},
	} {
		if _, err := pythings.NewPrivateKey(pair[0], pair[1]); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func BenchmarkDecryptKey(b *testing.B) {
	key := testKey(b)
	k, _ := pythings.ParseKey(fipsKey)
	sent := pythings.EncryptKey(k, key.Modulus(), pythings.CPython)
	for b.Loop() {
		if _, _, err := pythings.DecryptKey(sent, key); err != nil {
			b.Fatal(err)
		}
	}
}
