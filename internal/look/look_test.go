package look

import (
	"fmt"
	"strings"
	"testing"
)

// TestPalette holds the palette of plots against that of pages.
func TestPalette(t *testing.T) {
	for i, colour := range Palette {
		if want := fmt.Sprintf("--c%d: %s;", i, colour); !strings.Contains(string(CSS), want) {
			t.Errorf("look.css lacks %s", want)
		}
	}
}
