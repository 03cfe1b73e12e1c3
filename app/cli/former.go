package cli

import "github.com/spf13/pflag"

// FormerNames lets flags be given by names that they had in earlier versions, which no help shows.
// The keys are the old names. Call it before flags are defined or parsed.
func FormerNames(f *pflag.FlagSet, names map[string]string) {
	next := f.GetNormalizeFunc()
	f.SetNormalizeFunc(func(f *pflag.FlagSet, name string) pflag.NormalizedName {
		if now, found := names[name]; found {
			name = now
		}
		return next(f, name)
	})
}
