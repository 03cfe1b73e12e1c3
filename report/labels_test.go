package report

import (
	"os"
	"strings"
	"testing"
)

// A page on which no label is probably wrong says so, and offers no probable suggestions.
func TestLabelPageWithoutLikelyLabels(t *testing.T) {
	const disabled, said = `id="all" disabled>`, "none of them is probably wrong"
	page := labelPage(t)
	for _, likely := range []bool{true, false} {
		for i := range page.Rows {
			page.Rows[i].Likely = likely && i == 2
		}
		file, err := writeLabels(t.TempDir(), page)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), disabled) == likely || strings.Contains(string(text), said) == likely {
			t.Errorf("likely labels %v, and the page is\n%s", likely, text)
		}
	}
}
