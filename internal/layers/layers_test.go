// Package layers checks which package may know of what, as the packages' documentation says.
package layers

import (
	"os/exec"
	"strings"
	"testing"
)

const (
	tensorflow = "github.com/galeone/tensorflow"
	arrow      = "github.com/apache/arrow"
)

// dependencies of a package, its own packages without their first part.
func dependencies(t *testing.T, name string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "fovea/"+name).Output()
	if err != nil {
		t.Fatalf("list the dependencies of %s: %v", name, err)
	}
	return strings.Fields(string(out))
}

// Only tests replay losses of power.
func TestCrashtestIsForTests(t *testing.T) {
	listed, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}}", "fovea/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(listed)) {
		name, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "fovea/internal/crashtest") {
			t.Errorf("package %s imports internal/crashtest", name)
		}
	}
}

func TestImports(t *testing.T) {
	for name, forbidden := range map[string][]string{
		"preprocessing": {tensorflow, arrow, "fovea"},
		"recipe":        {tensorflow, arrow, "fovea/picture", "fovea/pipeline", "fovea/head", "fovea/featurestore"},
		// What the commands show of the pipeline needs none of what the pipeline works with.
		"internal/metrics": {tensorflow, arrow, "fovea/featurestore", "fovea/head"},
		// All packages that write files do so by it.
		"internal/output": {tensorflow, arrow, "fovea/pipeline", "fovea/featurestore", "fovea/head", "fovea/app/cli"},
		"picture":         {tensorflow, arrow, "fovea/pipeline", "fovea/recipe", "fovea/inference"},
		"pipeline":        {tensorflow, arrow, "fovea/featurestore", "fovea/head", "fovea/inference", "fovea/vgg"},
		"inference":       {arrow, "fovea/picture", "fovea/pipeline", "fovea/vgg", "fovea/featurestore"},
		"vgg":             {arrow, "fovea/picture", "fovea/pipeline", "fovea/featurestore"},
		// Training runs networks that vgg describes; where examples come from it does not know.
		"training":            {arrow, "fovea/picture", "fovea/pipeline", "fovea/featurestore", "fovea/head"},
		"savedmodel":          {arrow, "fovea/picture", "fovea/pipeline", "fovea/vgg", "fovea/featurestore"},
		"featurestore":        {tensorflow, "fovea/picture", "fovea/pipeline", "fovea/inference", "fovea/head"},
		"report":              {tensorflow, arrow, "fovea/picture", "fovea/pipeline", "fovea/featurestore", "fovea/inference"},
		"vectors":             {tensorflow, arrow, "fovea"},
		"scatterplot":         {tensorflow, arrow, "fovea"},
		"internal/seal":       {tensorflow, arrow, "fovea"},
		"contactsheet":        {tensorflow, arrow, "fovea/featurestore", "fovea/pipeline", "fovea/vectors"},
		"featurestore/export": {tensorflow, "fovea/picture", "fovea/pipeline", "fovea/inference", "fovea/head"},
		"head":                {tensorflow, arrow, "fovea/picture", "fovea/pipeline", "fovea/featurestore"},
		// It joins a head with its model's graph and the pictures' way to it.
		"servable": {arrow, "fovea/vgg", "fovea/featurestore"},
		// Replaying a loss of power must not depend on what is tested by it.
		"internal/crashtest": {tensorflow, arrow, "fovea"},
		"internal/disk":      {tensorflow, arrow, "fovea"},
	} {
		for _, dependency := range dependencies(t, name) {
			for _, f := range forbidden {
				if dependency == "fovea/"+name {
					continue // itself
				}
				if dependency == f || strings.HasPrefix(dependency, f+"/") {
					t.Errorf("package %s must not know of %s", name, dependency)
				}
			}
		}
	}
}
