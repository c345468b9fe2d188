package account

import (
	"strings"
	"testing"
	"time"
)

func TestHashStandsWithItsParameters(t *testing.T) {
	h, ctx := newHasher(Cost{}), t.Context()
	hash, err := h.hash(ctx, pass)
	must(t, err)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q", hash)
	}
	other, err := h.hash(ctx, pass)
	must(t, err)
	if other == hash {
		t.Error("two hashes of one password are the same: no salt")
	}
	for password, want := range map[string]bool{pass: true, pass + " ": false, "": false} {
		if ok, stale, err := newHasher(Cost{1, 1}).matches(ctx, hash, password); ok != want || !stale || err != nil {
			t.Errorf("%q: %v, %v, %v", password, ok, stale, err)
		}
	}
	if ok, _, err := h.matches(ctx, "", ""); ok || err != nil {
		t.Errorf("nobody's password: %v, %v", ok, err)
	}
}

func TestBrokenHashes(t *testing.T) {
	good := encodeHash(1024, 1, make([]byte, 16), make([]byte, 32))
	if _, _, _, _, err := decodeHash(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "x", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=1024", "m=4294967295", 1), strings.Replace(good, "m=1024", "m=0", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=9999", 1), strings.Replace(good, "p=1", "p=4", 1),
		good[:len(good)-30], good + "$", strings.Replace(good, "AAAA", "A*AA", 1),
	} {
		if _, _, _, _, err := decodeHash(bad); err == nil {
			t.Errorf("%q was taken for a hash", bad)
		}
	}
}

func FuzzDecodeHash(f *testing.F) {
	f.Add(encodeHash(1024, 1, make([]byte, 16), make([]byte, 32)))
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		kib, passes, salt, key, err := decodeHash(s)
		if err != nil {
			return
		}
		if kib > maxCost.kib || passes > maxCost.passes || passes == 0 || len(key) > 64 {
			t.Errorf("%q asks for %d KiB, %d passes", s, kib, passes)
		}
		k, p, sa, ke, err := decodeHash(encodeHash(kib, passes, salt, key))
		if err != nil || k != kib || p != passes || string(sa) != string(salt) || string(ke) != string(key) {
			t.Errorf("%q came back otherwise: %v", s, err)
		}
	})
}

func TestThrottleForgets(t *testing.T) {
	th, now := newThrottle(2, time.Minute), time.Unix(1_000_000, 0)
	for range 2 {
		if w := th.take("a", now); w != 0 {
			t.Fatalf("a free try waits %v", w)
		}
	}
	if w := th.take("a", now); w != time.Second {
		t.Errorf("the third waits %v, want 1 s", w)
	}
	if w := th.take("b", now); w != 0 {
		t.Errorf("another key waits %v", w)
	}
	if w := th.take("a", now.Add(16*time.Minute)); w != 0 {
		t.Errorf("after a long silence it waits %v", w)
	}
	if w := th.take("a", now.Add(16*time.Minute)); w != 0 {
		t.Errorf("after a long silence the second free try waits %v", w)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	th, now := newThrottle(2, time.Minute), time.Unix(1_000_000, 0)
	for i := range maxThrottled + 100 {
		th.take(time.Duration(i).String(), now.Add(time.Duration(i)))
	}
	if n := len(th.tries); n > maxThrottled {
		t.Errorf("%d keys, want at most %d", n, maxThrottled)
	}
}

func TestRemoteKey(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1":           "192.0.2.7",
		"192.0.2.7":             "192.0.2.7",
		"[::ffff:192.0.2.7]:1":  "192.0.2.7",
		"[2001:db8::1]:1":       "2001:db8::/64",
		"2001:db8::2":           "2001:db8::/64",
		"[fe80::1%eth0]:1":      "fe80::/64",
		"unix socket, whatever": "unix socket, whatever",
	} {
		if got := remoteKey(remote); got != want {
			t.Errorf("%q counts as %q, want %q", remote, got, want)
		}
	}
}
