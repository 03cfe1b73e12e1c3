package pipeline

import (
	"fmt"
	"path/filepath"

	"fovea/internal/redact"
)

// checkOverlap is an error if an image was found by two of the arguments, one of which lies in the other: it would be
// stored under two paths, and count twice wherever rows are counted. Exclude and Include decide which images count.
func (l *lister) checkOverlap(arguments []string) error {
	places := overlapping(arguments)
	if len(places) == 0 {
		return nil
	}
	wanted := Selection{Include: l.selection.Include, Exclude: l.selection.Exclude}
	found := map[string]Item{}
	for _, item := range wanted.Apply(l.Items) {
		place, overlaps := places[item.Argument]
		if !overlaps {
			continue
		}
		file := item.File
		if below, err := filepath.Rel(item.Argument, item.File); err == nil && item.stored == nil {
			file = filepath.Join(place, below)
		}
		if item.within != "" {
			file += "\x00" + item.Path[len(item.within):]
		}
		other, twice := found[file]
		switch {
		case twice && other.Argument == item.Argument:
			return fmt.Errorf("pipeline: %s is given twice: give it once", redact.URL(item.Argument))
		case twice:
			return fmt.Errorf("pipeline: %s is in both %s and %s, and would be stored twice, as %q and %q: give one of the two, or leave it out of the other with --exclude", item.File, redact.URL(other.Argument), redact.URL(item.Argument), other.Path, item.Path)
		}
		found[file] = item
	}
	return nil
}

// overlapping are the arguments that lie in others, or hold others, with the places that they name.
func overlapping(arguments []string) map[string]string {
	if len(arguments) < 2 {
		return nil
	}
	at := map[string]string{} // an argument of each place
	places := map[string]string{}
	for _, argument := range arguments {
		place := placeOf(argument)
		if other, found := at[place]; found {
			places[other], places[argument] = place, place
		}
		at[place] = argument
	}
	for place, argument := range at {
		for above := filepath.Dir(place); ; above = filepath.Dir(above) {
			if other, found := at[above]; found && above != place {
				places[argument], places[other] = place, above
			}
			if above == filepath.Dir(above) {
				break
			}
		}
	}
	return places
}

// placeOf is the place of a file or directory without links, or of what a URL names.
func placeOf(argument string) string {
	if place, err := filepath.EvalSymlinks(argument); err == nil {
		if absolute, err := filepath.Abs(place); err == nil {
			return absolute
		}
	}
	return filepath.Clean(redact.Place(argument))
}
