package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"fovea/recipe"
)

// The published drift is that of the table by which the program chooses.
func TestPublishedDrift(t *testing.T) {
	text, err := os.ReadFile("extract.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range recipe.Arithmetics {
		if a.Method == "" {
			continue
		}
		row := strings.ReplaceAll(fmt.Sprintf("| %s | %s | %.1e, %.1e | %.1f", a.Name(), a.Instructions, a.Averaged, a.Whole, a.Speed), "e-0", "e-")
		if a.Experimental {
			row = fmt.Sprintf("| %s | %s | experimental", a.Name(), a.Instructions)
		}
		if !strings.Contains(string(text), row) {
			t.Errorf("extract.md has no row %q", row)
		}
	}
}
