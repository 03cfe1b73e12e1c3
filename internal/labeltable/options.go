package labeltable

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/internal/text"
	"fovea/internal/typo"
)

// Options declare what is otherwise found out. The zero value declares nothing.
type Options struct {
	// Separator stands between the fields: comma, semicolon, tab or pipe.
	Separator string
	// Encoding is that of the text, by a name that the web knows, such as cp1252 or shift_jis. The default is UTF-8, or
	// UTF-16 after its byte order mark.
	Encoding string
	// Path, Label and Split are columns, by name, or by number from 1.
	Path, Label, Split string
	// Classes is the file with the names of classes whose numbers the table has, as readClasses reads it.
	Classes string
	// Known tells of a label with blanks around it that the images already have, so that it means itself and not the
	// label without them.
	Known func(label string) bool
}

// separators are the values of Options.Separator.
var separators = map[string]rune{"comma": ',', "semicolon": ';', "tab": '\t', "pipe": '|'}

// plurals are the separators as messages name them.
var plurals = map[rune]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "pipes"}

// keys are the names of the options in texts.
var keys = map[string]func(*Options) *string{
	"separator": func(o *Options) *string { return &o.Separator },
	"encoding":  func(o *Options) *string { return &o.Encoding },
	"path":      func(o *Options) *string { return &o.Path },
	"label":     func(o *Options) *string { return &o.Label },
	"split":     func(o *Options) *string { return &o.Split },
	"classes":   func(o *Options) *string { return &o.Classes },
}

// ParseOptions reads options as KEY=VALUE,KEY=VALUE.
func ParseOptions(value string) (Options, error) {
	var o Options
	names := slices.Sorted(maps.Keys(keys))
	for one := range strings.SplitSeq(value, ",") {
		name, value, found := strings.Cut(one, "=")
		field, known := keys[name]
		switch {
		case !known:
			return o, fmt.Errorf("unknown option %q of a table of labels%s: use %s", name, typo.Hint(name, names), text.Alternatives(names))
		case !found || value == "":
			return o, fmt.Errorf("the option %s of a table of labels has no value: write %s=VALUE", name, name)
		case *field(&o) != "":
			return o, fmt.Errorf("the option %s of a table of labels is given twice", name)
		}
		*field(&o) = value
	}
	return o, o.Validate()
}

// declaresColumns says whether any column is declared.
func (o Options) declaresColumns() bool { return o.Path != "" || o.Label != "" || o.Split != "" }

// Validate reports values that mean nothing.
func (o Options) Validate() error {
	names := []string{"comma", "semicolon", "tab", "pipe"}
	if _, known := separators[o.Separator]; o.Separator != "" && !known {
		return fmt.Errorf("unknown separator %q%s: use %s", o.Separator, typo.Hint(o.Separator, names), text.Alternatives(names))
	}
	_, err := decoderOf(o.Encoding)
	return err
}
