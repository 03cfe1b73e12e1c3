package main

import (
	"testing"

	"fovea/app/cli/clitest"
)

// Every flag that takes a file or directory takes file:// URLs and refuses others, except for those that take
// datasets in object stores.
func TestPathFlags(t *testing.T) {
	clitest.PathFlags(t, newCommand(), "extract --out")
}

// Every command prints its result as JSON.
func TestJSONFlags(t *testing.T) { clitest.JSONFlags(t, newCommand(), "extract dataset explore") }
