package main

import (
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/finetuning"
)

// featureFlags are the flags of commands that read a dataset of features.
type featureFlags struct {
	finetuning.Source
	memory string
}

func (o *featureFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.Dir, "features", "", "the directory `DIR` of the dataset, or its URL in an object store (required)")
	f.StringVar(&o.memory, "memory", "", "`SIZE` of memory for features, such as 4GB; larger ones go to temporary files in TMPDIR (default: half of the machine's memory)")
}

// validate checks the flags and completes Source.
func (o *featureFlags) validate() (err error) {
	if o.Dir == "" {
		return cli.Usagef("--features DIR is required")
	}
	if o.memory != "" {
		o.Memory, err = cli.ParseSize("--memory", o.memory)
	}
	return err
}
