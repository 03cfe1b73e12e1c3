package main

import (
	"testing"

	"fovea/app/cli/clitest"
)

// Every flag of a file or directory knows file:// URLs and refuses others, but for those that take
// what lies in object stores, too.
func TestPathFlags(t *testing.T) {
	clitest.PathFlags(t, newCommand(), "finetune evaluate --features", "finetune predict --features", "finetune report --features", "finetune serve --features", "finetune train --features", "finetune audit --features", "finetune suspects --features", "finetune scratch --images", "finetune compare --images")
}

// Every command prints its result as JSON.
func TestJSONFlags(t *testing.T) { clitest.JSONFlags(t, newCommand(), "finetune serve") }
