package main

import (
	"testing"

	"fovea/app/cli/clitest"
)

// Every flag of a file or directory knows file:// URLs and refuses others, but for those that take
// datasets in object stores.
func TestPathFlags(t *testing.T) {
	clitest.PathFlags(t, newCommand(), "extract --out")
}
