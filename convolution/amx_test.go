package convolution_test

import (
	"fmt"
	"os"
	"testing"

	"fovea/inference"
	"fovea/internal/amxtest"
)

// TestMain has AMX's instructions done in software where the processor has none.
func TestMain(m *testing.M) {
	if inference.AMX() != nil && amxtest.Emulate() == nil {
		fmt.Println("AMX: in software")
		inference.AMX = func() error { return nil }
	}
	os.Exit(m.Run())
}
