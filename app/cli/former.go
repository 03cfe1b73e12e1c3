package cli

import (
	"slices"
	"sync"

	"github.com/spf13/pflag"
)

// formerNames are the old names of all flags, for suggestions.
var formerNames struct {
	sync.Mutex
	names []string
}

// FormerNames accepts flags by the names that they had in earlier versions, which no help shows. The
// keys are the old names. Call it before flags are defined or parsed.
func FormerNames(f *pflag.FlagSet, names map[string]string) {
	formerNames.Lock()
	defer formerNames.Unlock()
	for name := range names {
		if !slices.Contains(formerNames.names, name) {
			formerNames.names = append(formerNames.names, name)
		}
	}
	next := f.GetNormalizeFunc()
	f.SetNormalizeFunc(func(f *pflag.FlagSet, name string) pflag.NormalizedName {
		if now, found := names[name]; found {
			name = now
		}
		return next(f, name)
	})
}

// insteadOf is the annotation of hidden flags that names the flag which took their place.
const insteadOf = "fovea_now"

// replace hides the flag old, which is kept for those who still use it, and lets suggestions name the
// flag now in its place. Use it where FormerNames cannot do because the values differ.
func replace(f *pflag.FlagSet, old, now string) {
	flag := f.Lookup(old)
	flag.Hidden = true
	if flag.Annotations == nil {
		flag.Annotations = map[string][]string{}
	}
	flag.Annotations[insteadOf] = []string{now}
}
