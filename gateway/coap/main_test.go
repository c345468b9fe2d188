package coap_test

import (
	"testing"

	"github.com/roost-iot/roost/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
