package clitest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
)

// PathFlags tests that flags whose help names a FILE or a DIR take paths and file:// URLs and nothing else, in a
// command and those below it. Others are flags that take more, as "COMMAND --FLAG".
func PathFlags(t *testing.T, command *cobra.Command, others ...string) {
	t.Helper()
	if pathFlags(t, command, others) == 0 {
		t.Errorf("%s has no flag that takes a path", command.CommandPath())
	}
}

// pathFlags tests one command and those below it, and counts the flags that take paths.
func pathFlags(t *testing.T, command *cobra.Command, others []string) (seen int) {
	t.Helper()
	command.LocalFlags().VisitAll(func(f *pflag.Flag) {
		name := command.CommandPath() + " --" + f.Name
		placeholder, _ := pflag.UnquoteUsage(f)
		wants := strings.Contains(placeholder, "FILE") || strings.Contains(placeholder, "DIR")
		switch {
		case slices.Contains(others, name):
		case wants && !cli.IsPath(f):
			t.Errorf("%s takes a path, but no file:// URL: define it with cli.PathVar", name)
		case cli.IsPath(f):
			seen++
			checkPath(t, name, f)
		}
	})
	for _, c := range command.Commands() {
		seen += pathFlags(t, c, others)
	}
	return seen
}

func checkPath(t *testing.T, name string, f *pflag.Flag) {
	t.Helper()
	var usage cli.UsageError
	for _, url := range []string{"s3://bucket/x", "https://example.com/x", "file://elsewhere/x", "file:///x?y"} {
		if err := f.Value.Set(url); !errors.As(err, &usage) {
			t.Errorf("%s takes %s: %v", name, url, err)
		}
	}
	for text, want := range map[string]string{"file:///a%20b/x.csv": "/a b/x.csv", "a b/x#y": "a b/x#y", "-": "-", "": ""} {
		before := f.Value.String()
		err := f.Value.Set(text)
		if got := f.Value.String(); err != nil || got != want && got != before+", "+want { // of PathVar, of PathsVar
			t.Errorf("%s takes %q for %q, %v", name, text, got, err)
		}
	}
}

// JSONFlags tests that a command and those below it which do something have the flag --json. Others are commands
// without a result.
func JSONFlags(t *testing.T, command *cobra.Command, others ...string) {
	t.Helper()
	if f := command.LocalFlags().Lookup("json"); f == nil && !cli.IsGroup(command) && !slices.Contains(others, command.CommandPath()) {
		t.Errorf("%s has no --json", command.CommandPath())
	} else if f != nil && (f.Value.Type() != "bool" || f.Hidden) {
		t.Errorf("%s --json is a %s", command.CommandPath(), f.Value.Type())
	}
	for _, c := range command.Commands() {
		JSONFlags(t, c, others...)
	}
}
