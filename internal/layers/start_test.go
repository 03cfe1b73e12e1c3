package layers

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// dear are the calls that no package makes for its variables, since each command would pay for them at its start.
var dear = []string{"regexp.MustCompile", "regexp.Compile", "template.Must", "template.New"}

// Regular expressions and templates are made when they are used (package lazy, sync.OnceValue).
func TestNothingIsCompiledAtTheStart(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, name := range p.GoFiles {
			for _, call := range atTheStart(parseFile(t, filepath.Join(p.Dir, name)).File) {
				t.Errorf("%s: a variable in %s calls %s: call it at the first use, by package lazy or sync.OnceValue", p.name(), name, call)
			}
		}
	}
}

// atTheStart are the dear calls that a file's variables make when the program starts.
func atTheStart(file *ast.File) (calls []string) {
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); !ok || g.Tok != token.VAR {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(dear, fmt.Sprintf("%s.%s", s.X, s.Sel)) {
					calls = append(calls, fmt.Sprintf("%s.%s", s.X, s.Sel))
				}
			}
			_, function := n.(*ast.FuncLit) // called later, as a rule
			return !function
		})
	}
	return calls
}

func TestAtTheStartSees(t *testing.T) {
	file := parseFile(t, filepath.Join("testdata", "start", "start.go"))
	if got, want := atTheStart(file.File), []string{"regexp.MustCompile", "template.Must", "template.New"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
