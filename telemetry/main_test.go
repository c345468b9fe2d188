package telemetry_test

import (
	"log/slog"
	"testing"

	"github.com/roost-iot/roost/internal/leaktest"
)

var discard = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { leaktest.Main(m) }
