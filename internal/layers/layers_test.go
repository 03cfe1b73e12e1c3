package layers

import (
	"encoding/json"
	"errors"
	"go/ast"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	tensorflow = "github.com/galeone/tensorflow"
	module     = "fovea/"
	root       = "../.."
)

// pkg is what go list says about a package.
type pkg struct {
	ImportPath, Name, Dir  string
	GoFiles, Imports, Deps []string
}

// name is the package's path without that of the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages are all of the module.
var packages = sync.OnceValues(func() ([]pkg, error) {
	list := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports,Deps", "./...")
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

func listPackages(t *testing.T) []pkg {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatalf("list the packages: %v", err)
	}
	return all
}

// Every package has a floor, and the table lists no others.
func TestEveryPackageHasAFloor(t *testing.T) {
	found := map[string]bool{}
	for _, p := range listPackages(t) {
		found[p.name()] = true
		if _, ok := floors[p.name()]; !ok {
			t.Errorf("package %s has no floor: add it to the table in floors_test.go", p.name())
		}
	}
	for name := range floors {
		if !found[name] {
			t.Errorf("there is no package %s: remove it from the table in floors_test.go", name)
		}
	}
}

// Imports go down, and sideways only as stated.
func TestImportsGoDown(t *testing.T) {
	for _, p := range listPackages(t) {
		floor := floors[p.name()]
		if floor == unrestricted {
			continue
		}
		used := map[string]bool{}
		for _, i := range p.Imports {
			name, ours := strings.CutPrefix(i, module)
			if !ours || floors[name] < floor {
				continue
			}
			if used[name] = true; floors[name] > floor {
				t.Errorf("package %s imports %s of a higher floor", p.name(), name)
			} else if !slices.Contains(sideways[p.name()], name) {
				t.Errorf("package %s imports %s of its own floor, which sideways does not list", p.name(), name)
			}
		}
		for _, name := range sideways[p.name()] {
			if !used[name] {
				t.Errorf("package %s no longer imports %s: remove that from sideways", p.name(), name)
			}
		}
	}
}

func TestPackagesAreIgnorant(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, name := range ignorant[p.name()] {
			if slices.Contains(p.Deps, module+name) {
				t.Errorf("package %s must not know %s", p.name(), name)
			}
		}
		for library, names := range free {
			if i := slices.IndexFunc(p.Deps, func(d string) bool { return within(d, library) }); i >= 0 && slices.Contains(names, p.name()) {
				t.Errorf("package %s must not depend on %s", p.name(), p.Deps[i])
			}
		}
	}
}

// Libraries that are reserved for a few packages are imported by no others: above all, libraries
// know no flags.
func TestReservedLibraries(t *testing.T) {
	for _, p := range listPackages(t) {
		for library, allowed := range reserved {
			if i := slices.IndexFunc(p.Imports, func(i string) bool { return within(i, library) }); i >= 0 && !slices.Contains(allowed, p.name()) {
				t.Errorf("package %s imports %s, which is for %s", p.name(), p.Imports[i], strings.Join(allowed, ", "))
			}
		}
		for _, name := range forTests {
			if slices.Contains(p.Imports, module+name) && !slices.Contains(forTests, p.name()) {
				t.Errorf("package %s imports %s, which is for tests", p.name(), name)
			}
		}
	}
}

// within reports whether an import is of a library, in any version.
func within(imported, library string) bool {
	return imported == library || strings.HasPrefix(imported, library+"/")
}

// The packages of the Beam module, but for its command, know no flags.
func TestBeamKnowsNoFlags(t *testing.T) {
	for name, file := range parseAll(t, filepath.Join(root, "beam", "flow")) {
		for _, i := range file.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			if within(path, "github.com/spf13/cobra") || within(path, "github.com/spf13/pflag") || within(path, "fovea/app") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// The Beam module lists, with their sums, all modules that the packages it takes from here import by now.
func TestBeamHasAllModules(t *testing.T) {
	list := exec.Command("go", "list", "-mod=readonly", "-deps", "./...")
	list.Dir = filepath.Join(root, "beam")
	if output, err := list.CombinedOutput(); err != nil {
		t.Errorf("%v; go mod tidy in beam mends it:\n%s", err, output[max(0, len(output)-2000):])
	}
}

// Every package says in doc.go what it is, what it knows and what it must not know.
func TestEveryPackageIsDocumented(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) == 0 && p.ImportPath != "fovea/internal/layers" || p.Name == "main" && floors[p.name()] == unrestricted {
			continue // tests, and tools
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Errorf("package %s has no doc.go", p.name())
			continue
		}
		begins, knows := "// Package "+p.Name+" ", "know"
		if p.Name == "main" {
			begins, knows = "// Command ", ""
		}
		if !strings.HasPrefix(string(text), begins) || !strings.Contains(string(text), knows) {
			t.Errorf("%s/doc.go must begin with %q and say what the package knows and must not know", p.name(), begins)
		}
	}
}

// Libraries return errors and results: they neither end the process nor print.
func TestLibrariesDoNotPrint(t *testing.T) {
	for _, p := range listPackages(t) {
		if floors[p.name()] >= application {
			continue
		}
		for _, name := range p.GoFiles {
			file := parseFile(t, filepath.Join(p.Dir, name))
			ast.Inspect(file.File, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				from, ok := s.X.(*ast.Ident)
				if !ok {
					return true
				}
				used := from.Name + "." + s.Sel.Name
				// Package output is how the others write to a command's "-". Package codec runs in processes of its own,
				// which it ends.
				if slices.Contains(forCommands, used) && (used != "os.Stdout" || p.name() != "internal/output") &&
					(used != "os.Exit" || p.name() != "picture/internal/codec") {
					t.Errorf("%s uses %s, which is for commands", file.set.Position(n.Pos()), used)
				}
				return true
			})
		}
	}
}

// forCommands are what libraries must not use.
var forCommands = []string{"os.Exit", "os.Stdout", "fmt.Print", "fmt.Printf", "fmt.Println", "logrus.Fatal", "logrus.Fatalf", "log.Fatal", "log.Fatalf"}
