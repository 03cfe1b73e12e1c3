package cli

import (
	"encoding/csv"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// NamesVar defines a flag of comma-separated names, which may be given several times. An empty name
// counts: it stands for what has none. Without the flag the list is nil.
func NamesVar(f *pflag.FlagSet, names *[]string, name, usage string) {
	f.Var((*namesValue)(names), name, usage)
}

type namesValue []string

func (v *namesValue) String() string { return strings.Join(*v, ",") }

func (v *namesValue) Type() string { return "strings" }

func (v *namesValue) Set(text string) error {
	if text == "" {
		*v = append(*v, "")
		return nil
	}
	record, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return fmt.Errorf("%q is not a comma-separated list of names: put quotes around names that contain quotes or commas: %w", text, err)
	}
	*v = append(*v, record...)
	return nil
}
