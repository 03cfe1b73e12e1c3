package cli

import (
	"github.com/spf13/pflag"

	"fovea/preprocessing"
)

// PreprocessingVar defines the flag --preprocessing, whose value preprocessing.Load reads. The default is
// what spec holds.
func PreprocessingVar(f *pflag.FlagSet, spec *preprocessing.Spec, usage string) {
	f.Var((*preprocessingValue)(spec), "preprocessing", usage)
}

type preprocessingValue preprocessing.Spec

func (v *preprocessingValue) String() string { return preprocessing.Spec(*v).String() }

func (v *preprocessingValue) Type() string { return "string" }

func (v *preprocessingValue) Set(text string) error {
	text, err := LocalPath(text)
	if err != nil {
		return err
	}
	spec, err := preprocessing.Load(text)
	if err != nil {
		return err
	}
	*v = preprocessingValue(spec)
	return nil
}
