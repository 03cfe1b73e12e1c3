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

// The binding's ways to read a tensor do not keep it alive meanwhile. Only package inference, which
// does, may use them.
func TestTensorsAreReadThroughInference(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			if strings.HasPrefix(strings.Trim(i.Path.Value, `"`), tensorflow) {
				for _, position := range directReads(file) {
					if seen++; filepath.Base(filepath.Dir(path)) != "inference" {
						t.Errorf("%s reads a tensor that may be freed meanwhile: use inference.WriteContents or inference.Value", files.Position(position))
					}
				}
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != 2 {
		t.Errorf("%d direct reads were found, want the 2 of package inference", seen)
	}
}

// directReads finds calls of methods WriteContentsTo and, without arguments, Value.
func directReads(file *ast.File) []token.Pos {
	var found []token.Pos
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if ok && (method.Sel.Name == "WriteContentsTo" || (method.Sel.Name == "Value" && len(call.Args) == 0)) {
			found = append(found, call.Pos())
		}
		return true
	})
	return found
}
