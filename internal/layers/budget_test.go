package layers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// The commands only wire: logic that outgrows these limits belongs in a library.
const (
	mostLines         = 4400 // of all commands together
	mostFileLines     = 250
	mostFunctionLines = 60
)

func TestCommandsStaySmall(t *testing.T) {
	total := 0
	for _, dir := range []string{"extract", "finetune"} {
		for name, file := range parseAll(t, filepath.Join(root, "cmd", dir)) {
			lines := file.lines(file.FileEnd)
			total += lines
			if lines > mostFileLines {
				t.Errorf("%s has %d lines, and %d at most are allowed", name, lines, mostFileLines)
			}
			ast.Inspect(file.File, func(n ast.Node) bool {
				f, ok := n.(*ast.FuncDecl)
				if !ok {
					return true
				}
				if n := file.lines(f.End()) - file.lines(f.Pos()) + 1; n > mostFunctionLines {
					t.Errorf("%s: function %s has %d lines, and %d at most are allowed", name, f.Name.Name, n, mostFunctionLines)
				}
				return false
			})
		}
	}
	t.Logf("the commands have %d lines", total)
	if total > mostLines {
		t.Errorf("the commands have %d lines, and %d at most are allowed: move logic to a library", total, mostLines)
	}
}

// parsed is a source file.
type parsed struct {
	*ast.File
	set *token.FileSet
}

// lines is the number of the line of a position.
func (p parsed) lines(at token.Pos) int { return p.set.PositionFor(at, false).Line }

// parseAll parses the files of a directory and those below it, without tests.
func parseAll(t *testing.T, dir string) map[string]parsed {
	t.Helper()
	files := map[string]parsed{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, err := filepath.Rel(root, path)
		files[name] = parseFile(t, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s has no Go files", dir)
	}
	return files
}

func parseFile(t *testing.T, path string) parsed {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed{file, set}
}
