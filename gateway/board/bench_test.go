package board_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roost-iot/roost/gateway/board"
)

// BenchmarkHeartbeat is a thousand boards in turn, without sockets.
func BenchmarkHeartbeat(b *testing.B) {
	h, _ := still(b, plan{change: func(c *board.Config) { c.Burst = 1 << 30 }})
	bodies := make([]string, 1000)
	for i := range bodies {
		mac := fmt.Sprintf("02000000%04x", i)
		h.ok("/iot/boot", object{"mac": mac, "app_type": "meter", "hashes": hashes(meter)})
		bodies[i] = fmt.Sprintf(`{"device_id":"meter-%s","uptime_ms":1000,"free_mem":90000,"rssi":-61,"telemetry":{"distance":12.5,"ok":true}}`, mac)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/iot/heartbeat", strings.NewReader(bodies[i%len(bodies)])))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
