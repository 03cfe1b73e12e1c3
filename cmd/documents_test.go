package cmd_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreignFlags are flags in the documents that belong to other programs, or that cobra adds when a
// program runs.
var foreignFlags = map[string]string{
	"version": "cobra", "array": "sbatch", "data-binary": "curl", "dereference": "tar", "hard-dereference": "tar",
	"rest_api_port": "tensorflow_model_server", "model_name": "tensorflow_model_server", "model_base_path": "tensorflow_model_server",
	"tf_xla_cpu_global_jit": "TensorFlow",
	// A module of its own, which these tests do not build.
	"runner": "extract-beam", "endpoint": "extract-beam", "parallelism": "extract-beam", "environment_type": "extract-beam",
	"environment_config": "extract-beam", "task-rows": "extract-beam", "stall-timeout": "extract-beam", "attempts": "extract-beam",
}

// programFlags returns the flags of a program and all its commands, by its manual pages.
func programFlags(t *testing.T, program string) map[string]bool {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command(filepath.Join(binaries, program), "man", dir).CombinedOutput(); err != nil {
		t.Fatalf("%s man: %v\n%s", program, err, out)
	}
	flag := regexp.MustCompile(`(?m)^(?:\\fB-\w\\fP, )?\\fB--([a-z0-9_-]+)\\fP`)
	return matches(t, flag, filepath.Join(dir, "*.1"))
}

// documentedFlags returns the flags that the documents name.
func documentedFlags(t *testing.T) map[string]bool {
	t.Helper()
	flag := regexp.MustCompile("(?m)(?:^|[\\s`(\\[|])--([a-z][a-z0-9_-]*)")
	return matches(t, flag, "../README.md", "../docs/*.md")
}

// matches returns what a pattern's group matches in files.
func matches(t *testing.T, pattern *regexp.Regexp, globs ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, glob := range globs {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", glob, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range pattern.FindAllStringSubmatch(string(text), -1) {
				found[strings.TrimRight(m[1], "-")] = true
			}
		}
	}
	return found
}

// Every flag is in a document, and every flag in a document exists.
func TestDocumentsNameTheFlags(t *testing.T) {
	documented := documentedFlags(t)
	flags := map[string]bool{}
	for _, program := range []string{"extract", "finetune"} {
		own := programFlags(t, program)
		if len(own) < 30 {
			t.Errorf("%s has only %d flags by its manual pages", program, len(own))
		}
		for _, name := range slices.Sorted(maps.Keys(own)) {
			// Of the completions, which cobra adds.
			if !documented[name] && name != "no-descriptions" {
				t.Errorf("no document names --%s of %s", name, program)
			}
		}
		maps.Copy(flags, own)
	}
	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !flags[name] && foreignFlags[name] == "" {
			t.Errorf("the documents name --%s, which no program has", name)
		}
	}
	for name, program := range foreignFlags {
		if !documented[name] {
			t.Errorf("no document names --%s of %s any longer", name, program)
		}
	}
}
