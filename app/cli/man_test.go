package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func TestManual(t *testing.T) {
	root := &cobra.Command{Use: "program", Short: "Do things", Long: "Program writes:\n\n  DIR/data/part-00000.parquet ...   path, label\n  DIR/.fovea/errors.jsonl           errors\n\nThat is all."}
	new(LogOptions).AddFlags(root)
	sub := &cobra.Command{Use: "sub", Short: "Do one thing", RunE: func(*cobra.Command, []string) error { return nil }}
	sub.Flags().Int("batch", 0, "compute `N` images together (default: 8)")
	sub.Flags().Int("k", 10, "print `N` rows")
	sub.Flags().String("out", "", "the `DIR`")
	sub.Flags().String("old", "", "hidden")
	replace(sub.Flags(), "old", "out")
	root.AddCommand(sub)
	dir := t.TempDir()
	if err := writeManual(root, doc.GenManHeader{Section: "1"}, dir); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(text), `\-`, "-")
	}
	page := read("program-sub.1")
	for _, want := range []string{"\\fB--batch\\fP=N\n\tcompute N images together (default: 8)\n", "\\fB--k\\fP=N\n\tprint N rows (default 10)", "\\fB--out\\fP=DIR\n", "\\fB--quiet\\fP\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "--old") {
		t.Error("the page shows a hidden flag")
	}
	page = read("program.1")
	if want := "DIR/data/part-00000.parquet ...   path, label\nDIR/.fovea/errors.jsonl           errors\n"; !strings.Contains(page, want) {
		t.Errorf("the block is not kept:\n%s", page)
	}
}
