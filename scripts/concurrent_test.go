package scripts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// together are imports and names of packages by which something is done at the same time, or made for it.
var together = []string{`"sync/atomic"`, `"unsafe"`, `"net"`, `"net/http"`, `"net/http/httptest"`, `"C"`, `"golang.org/x/sync/errgroup"`,
	"sync.Mutex", "sync.RWMutex", "sync.WaitGroup", "sync.Cond", "sync.Map", "sync.Pool", "context.AfterFunc", "time.AfterFunc"}

// TestConcurrent looks for goroutines and what is shared among them in the syntax trees of all packages: none of those
// that have any is kept from the race detector, and no package is in both lists or in neither.
func TestConcurrent(t *testing.T) {
	list := func(name string, arguments ...string) []string {
		command := exec.Command(name, arguments...)
		command.Dir = ".."
		out, err := command.Output()
		if err != nil {
			t.Fatal(name, arguments, err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	watched, others := list("scripts/concurrent.sh"), list("scripts/concurrent.sh", "others")
	all := list("go", "list", "-tags", "nocloud", "-f", "{{.ImportPath}} {{.Dir}}", "./...")
	if len(watched)+len(others) != len(all) {
		t.Errorf("of %d packages %d are watched and %d are not", len(all), len(watched), len(others))
	}
	for _, line := range all {
		name, dir, _ := strings.Cut(line, " ")
		if slices.Contains(watched, name) == slices.Contains(others, name) {
			t.Errorf("%s is in both lists, or in neither", name)
		}
		if found := concurrent(t, dir); found != "" && !slices.Contains(watched, name) {
			t.Errorf("the race detector does not watch %s, which has %s: see scripts/concurrent.sh", name, found)
		}
	}
}

// concurrent says what the files of a directory do at the same time, if anything.
func concurrent(t *testing.T, dir string) (found string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				found = "a goroutine"
			case *ast.ImportSpec:
				if slices.Contains(together, n.Path.Value) {
					found = n.Path.Value
				}
			case *ast.SelectorExpr:
				if from, ok := n.X.(*ast.Ident); ok && slices.Contains(together, from.Name+"."+n.Sel.Name) {
					found = from.Name + "." + n.Sel.Name
				}
			case *ast.CallExpr:
				if method, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Go", "Parallel", "RunParallel", "Start"}, method.Sel.Name) {
					found = method.Sel.Name
				}
			}
			return true
		})
	}
	return found
}
