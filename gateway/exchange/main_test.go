package exchange_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(benchAddr); addr != "" {
		if err := benchServer(addr); err != nil {
			panic(err)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
