package exchange_test

import (
	"os"
	"testing"

	"github.com/roost-iot/roost/internal/leaktest"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(benchAddr); addr != "" {
		if err := benchServer(addr); err != nil {
			panic(err)
		}
		return
	}
	leaktest.Main(m)
}
