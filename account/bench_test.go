package account

import (
	"testing"

	"github.com/roost-iot/roost/store/sqlite"
)

// BenchmarkBySession is what every request to the API pays.
func BenchmarkBySession(b *testing.B) {
	s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	a := New(Config{Store: s, Hash: Cost{MiB: 1, Passes: 1}})
	token, err := a.SetupToken(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	in, err := a.SetUp(b.Context(), token, "Ada", pass, remote)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.BySession(b.Context(), in.Secret); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkHash is one sign-in at the default cost.
func BenchmarkHash(b *testing.B) {
	h := newHasher(Cost{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.hash(b.Context(), pass); err != nil {
			b.Fatal(err)
		}
	}
}
