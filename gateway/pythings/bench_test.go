package pythings_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkManagement is the call that each device makes at each interval, without the
// network.
func BenchmarkManagement(b *testing.B) {
	for _, encrypted := range []bool{false, true} {
		name := "clear"
		if encrypted {
			name = "encrypted"
		}
		b.Run(name, func(b *testing.B) {
			h := build(b, plan{encrypt: encrypted})
			d := h.device("bench")
			d.app = recordedCommit
			if encrypted {
				d.encrypt()
			}
			d.mustRegister()
			body := d.body(map[string]any{})
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/api/v1/apps/management/", strings.NewReader(body))
				w := httptest.NewRecorder()
				if h.door.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}

// BenchmarkRegister is what a fleet does that comes back, each device at its own time.
func BenchmarkRegister(b *testing.B) {
	h := build(b, plan{})
	var next atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			body := strings.Replace(registration, "A4CF12B3D5E6", "fleet-"+itoa(int(next.Add(1))), 1)
			r := httptest.NewRequest(http.MethodPost, "/api/v1/things/register/", strings.NewReader(body))
			w := httptest.NewRecorder()
			if h.door.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Error(w.Body)
			}
		}
	})
}
