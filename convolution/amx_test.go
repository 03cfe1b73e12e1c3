package convolution_test

import (
	"fmt"
	"os"
	"testing"

	"fovea/inference"
	"fovea/internal/amxtest"
)

// softwareAMX says that AMX's instructions are done in software, which takes seconds for an image.
var softwareAMX bool

// TestMain has AMX's instructions done in software where the processor has none.
func TestMain(m *testing.M) {
	if inference.AMX() != nil && amxtest.Emulate() == nil {
		fmt.Println("AMX: in software")
		inference.AMX, softwareAMX = func() error { return nil }, true
	}
	os.Exit(m.Run())
}
