package main

import (
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
)

// featureFlags are the flags of commands that read a dataset of features.
type featureFlags struct{ finetuning.Source }

func (o *featureFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.Dir, "features", "", "the directory `DIR` of the dataset, or its URL in an object store (required)")
	cli.SizeVar(f, &o.Memory, "memory", 0, "`SIZE` of memory for features, such as 4GB; larger ones go to temporary files in TMPDIR (default: half of the machine's memory)")
}

// ignoreVar defines --ignore-unknown-classes.
func ignoreVar(f *pflag.FlagSet, ignore *bool) {
	f.BoolVar(ignore, "ignore-unknown-classes", false, "count images of classes that are unknown to the head separately instead of refusing them")
}

func (o *featureFlags) validate() error {
	if o.Dir == "" {
		return cli.Usagef("--features DIR is required")
	}
	return nil
}
