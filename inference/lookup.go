package inference

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fovea/internal/typo"
)

// ErrUnknownLayer marks a layer that the model does not have, or an ambiguous name.
var ErrUnknownLayer = errors.New("unknown layer")

// ErrPooling marks a pooling that a layer's shape does not allow.
var ErrPooling = errors.New("unsuitable pooling")

// Layer finds a layer by its name or one of its aliases.
func (m *Model) Layer(name string) (Layer, error) {
	for _, l := range m.Layers {
		if l.Name == name || slices.Contains(l.Aliases, name) {
			return l, nil
		}
	}
	switch candidates, reason := m.Ambiguous[name], m.Hidden[name]; {
	case len(candidates) > 0:
		return Layer{}, fmt.Errorf("inference: %w %q: in model %s that may be %s: use one of these names", ErrUnknownLayer, name, m.Name, enumerate(candidates, 8))
	case reason != "":
		return Layer{}, fmt.Errorf("inference: %w %q: model %s computes it, but %s", ErrUnknownLayer, name, m.Name, reason)
	}
	if similar := m.similar(name); len(similar) > 0 {
		return Layer{}, fmt.Errorf("inference: %w %q: model %s has %s", ErrUnknownLayer, name, m.Name, enumerate(similar, 8))
	}
	var all []string // aliases too: people mistype these as well
	names := make([]string, len(m.Layers))
	for i, l := range m.Layers {
		names[i] = l.Name
		all = append(append(all, l.Name), l.Aliases...)
	}
	const ends = 3 // there may be hundreds
	if len(names) > 2*ends {
		names = slices.Concat(names[:ends], []string{"..."}, names[len(names)-ends:])
	}
	return Layer{}, fmt.Errorf("inference: %w %q%s: model %s has %s", ErrUnknownLayer, name, typo.Hint(name, all), m.Name, strings.Join(names, ", "))
}

// similar are the layers whose names contain the name, ignoring case.
func (m *Model) similar(name string) []string {
	if name == "" {
		return nil
	}
	var found []string
	for _, l := range m.Layers {
		if strings.Contains(strings.ToLower(l.Name), strings.ToLower(name)) {
			found = append(found, l.Name)
		}
	}
	return found
}

// enumerate joins names, showing at most so many.
func enumerate(names []string, most int) string {
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
