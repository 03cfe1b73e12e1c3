package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/internal/budget"
	"fovea/internal/trials"
)

// No change of a table of labels ends the program, stalls it or makes it take gigabytes.
func TestTrialsOfLabels(t *testing.T) {
	texts := map[string]string{}
	for name, row := range map[string]string{
		"plain.csv":  "cats/%d.jpg,cat\n",
		"splits.csv": "\"dogs, small/%d.jpg\",\"a \"\"dog\"\"\",test\r\n",
		"lines.csv":  "\"birds\n/%d.jpg\",\"bird\nof prey\",\n",
	} {
		text := "path,label,split\n"
		for i := range 200 {
			text += fmt.Sprintf(row, i)
		}
		texts[name] = text
	}
	trials.Run(t, trials.Texts(t, texts), func(file string) error {
		_, err := CSVLabels{File: file}.read()
		return err
	})
}

// Tables that take far more memory than they have bytes are refused before they do.
func TestCSVWithoutEnd(t *testing.T) {
	const size = 20 << 20
	for name, test := range map[string]struct{ text, want string }{
		"commas":       {"a.jpg,cat\n" + strings.Repeat(",", size), "the row after line 1 has more than"},
		"no line ends": {"a.jpg,cat\n" + strings.Repeat("x", size), "the row after line 1 has more than"},
		"open quote":   {"a.jpg,cat\nb.jpg,\"" + strings.Repeat("x\n", size/2), "the row after line 1 has more than"},
		"columns":      {"a.jpg,cat\n" + strings.Repeat("\"\n\",", size/4), "the row after line 1 has more than"},
	} {
		file := filepath.Join(t.TempDir(), "labels.csv")
		if err := os.WriteFile(file, []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := CSVLabels{File: file}.read()
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Rows are charged to the budget of the file, which the user may change.
func TestCSVMemory(t *testing.T) {
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "%d,a\n", i)
	}
	file := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if labels, err := (CSVLabels{File: file}).read(); err != nil || labels.Len() != 10_000 {
		t.Errorf("%v, %v", labels, err)
	}
	_, err := CSVLabels{File: file, MaxMemory: 1_000_000}.read()
	if !errors.Is(err, budget.ErrMemory) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--max-memory") {
		t.Errorf("with 1 MB: %v", err)
	}
}
